// One cell for each store: one of them is reached with the tab key, the arrow keys move on, Enter
// opens. What the cell stands for is said below the grid. Cells that are chosen bear a mark.
export function grid(box) {
  if (!box) return { change() {}, mark() {} };
  const svg = box.querySelector('svg'), line = box.querySelector('.cell');
  const cells = [...svg.querySelectorAll('a')], words = new Map();
  const of = (a) => { const u = a.firstElementChild; return { x: +u.getAttribute('x'), y: +u.getAttribute('y') }; };
  const id = (a) => decodeURIComponent(a.getAttribute('href').split('/').pop());
  const byID = new Map(cells.map((a) => [id(a), a]));
  const say = (a) => { line.textContent = a.getAttribute('aria-label') + (words.has(id(a)) ? '. ' + words.get(id(a)) : '') + (a.getAttribute('aria-selected') === 'true' ? '. Chosen.' : ''); };
  // Links become options when somebody comes to choose among them: until then the page has no work with it.
  let options = false;
  const enlist = () => {
    if (options) return;
    options = true;
    svg.setAttribute('role', 'listbox');
    svg.setAttribute('aria-multiselectable', 'true');
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
  svg.addEventListener('keydown', (e) => {
    const i = cells.indexOf(now);
    const to = { ArrowRight: () => cells[i + 1], ArrowLeft: () => cells[i - 1], ArrowDown: () => row(now, 1), ArrowUp: () => row(now, -1), Home: () => cells[0], End: () => cells.at(-1) }[e.key];
    if (!to || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    go(to());
  });
  svg.addEventListener('focusin', (e) => { enlist(); const a = e.target.closest('a'); if (a) { if (a !== now) { now?.setAttribute('tabindex', '-1'); a.setAttribute('tabindex', '0'); now = a; } say(a); } });
  svg.addEventListener('pointerover', (e) => { const a = e.target.closest('a'); if (a) say(a); });
  // On a narrow screen there are fewer cells in a row, so that they stay large enough.
  const pitch = +box.dataset.pitch, parts = [...svg.children], wide = +svg.getAttribute('viewBox').split(' ')[2];
  const lay = () => {
    const units = Math.min(wide, Math.max(pitch, Math.round(box.clientWidth / Math.min(1, 16 / pitch + 0.2))));
    const columns = Math.max(1, Math.floor(units / pitch));
    let y = 0, n = 0, first = true;
    for (const e of parts) {
      if (e.tagName === 'text') {
        if (!first) y += pitch + 10;
        first = false;
        e.setAttribute('y', y + 15);
        y += 22; n = 0;
        continue;
      }
      if (n === columns) { y += pitch; n = 0; }
      for (const u of e.children) { u.setAttribute('x', n * pitch); u.setAttribute('y', y); }
      n++;
    }
    svg.setAttribute('viewBox', `0 0 ${columns * pitch} ${y + pitch}`);
  };
  if (box.clientWidth < wide * 0.8) lay();
  let before = box.clientWidth;
  new ResizeObserver(() => { if (box.clientWidth !== before) { before = box.clientWidth; lay(); } }).observe(box);
  return {
    svg, cells, id, of, go, pitch, at: () => now,
    // The mark is a shape of its own above that of the cell.
    mark(store, on) {
      const a = byID.get(store);
      if (!a) return;
      enlist();
      if (on === (a.childElementCount > 1)) return;
      a.setAttribute('aria-selected', on);
      if (on) {
        const u = a.firstElementChild.cloneNode();
        u.setAttribute('href', '#k-chosen');
        a.append(u);
      } else a.lastElementChild.remove();
      if (a === document.activeElement) say(a);
    },
    change(store, bucket, text) {
      const a = byID.get(store);
      if (!a) return;
      if (text) words.set(store, text);
      if (a.classList.contains('k-' + bucket)) return;
      a.setAttribute('class', 'k-' + bucket);
      a.firstElementChild.setAttribute('href', '#k-' + bucket);
      a.setAttribute('aria-label', a.getAttribute('aria-label').replace(/: [^:]*$/, ': ' + bucket.replaceAll('_', ' ')));
      if (a === document.activeElement) say(a);
    },
  };
}
