// One cell for each store: one of them is reached with the tab key, the arrow keys move on, Enter
// opens. What the cell stands for is said below the grid. Cells that are chosen bear a mark.
export function grid(box) {
  if (!box) return { change() {}, mark() {} };
  const area = box.querySelector('.grid'), line = box.querySelector('.cell');
  const cells = [...area.querySelectorAll('a')], words = new Map();
  const of = (a) => ({ x: a.offsetLeft, y: a.offsetTop, side: a.offsetWidth });
  const id = (a) => decodeURIComponent(a.getAttribute('href').split('/').pop());
  const byID = new Map(cells.map((a) => [id(a), a]));
  const say = (a) => { line.textContent = a.getAttribute('aria-label') + (words.has(id(a)) ? '. ' + words.get(id(a)) : '') + (a.getAttribute('aria-selected') === 'true' ? '. Chosen.' : ''); };
  // Links become options when somebody comes to choose among them: until then the page has no work with it.
  let options = false;
  const enlist = () => {
    if (options) return;
    options = true;
    area.setAttribute('role', 'listbox');
    area.setAttribute('aria-multiselectable', 'true');
    for (const a of cells) { a.setAttribute('role', 'option'); a.setAttribute('aria-selected', 'false'); }
  };
  let now = cells.find((a) => a.tabIndex === 0 || a.getAttribute('tabindex') === '0');
  const go = (a) => {
    if (!a) return;
    now?.setAttribute('tabindex', '-1');
    a.setAttribute('tabindex', '0');
    now = a;
    a.focus();
  };
  // The nearest cell of the next row up or down.
  const row = (a, way) => {
    const p = of(a);
    let best = null, far = Infinity;
    for (const c of cells) {
      const q = of(c), down = (q.y - p.y) * way;
      if (down <= 0) continue;
      const d = down * 1e4 + Math.abs(q.x - p.x);
      if (d < far) { far = d; best = c; }
    }
    return best;
  };
  area.addEventListener('keydown', (e) => {
    const i = cells.indexOf(now);
    const to = { ArrowRight: () => cells[i + 1], ArrowLeft: () => cells[i - 1], ArrowDown: () => row(now, 1), ArrowUp: () => row(now, -1), Home: () => cells[0], End: () => cells.at(-1) }[e.key];
    if (!to || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    go(to());
  });
  area.addEventListener('focusin', (e) => { enlist(); const a = e.target.closest('a'); if (a) { if (a !== now) { now?.setAttribute('tabindex', '-1'); a.setAttribute('tabindex', '0'); now = a; } say(a); } });
  area.addEventListener('pointerover', (e) => { const a = e.target.closest('a'); if (a) say(a); });
  return {
    area, cells, id, of, go, at: () => now,
    mark(store, on) {
      const a = byID.get(store);
      if (!a) return;
      enlist();
      a.setAttribute('aria-selected', on);
      if (a === document.activeElement) say(a);
    },
    change(store, bucket, text) {
      const a = byID.get(store);
      if (!a) return;
      if (text) words.set(store, text);
      if (a.classList.contains('k-' + bucket)) return;
      a.setAttribute('class', 'k-' + bucket);
      a.setAttribute('aria-label', a.getAttribute('aria-label').replace(/: [^:]*$/, ': ' + bucket.replaceAll('_', ' ')));
      if (a === document.activeElement) say(a);
    },
  };
}
