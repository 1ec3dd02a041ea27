// A lasso around cells chooses them: with the mouse or a pen by dragging, with a finger after holding it still.
const start = 6, hold = 500; // pixels, and milliseconds

export function lasso(grid, chosen, set) {
  const { area, cells } = grid;
  let down = null, frame = null, base, before, spots, timer = 0, over = false, due = 0;
  const at = (e) => {
    const r = area.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  };
  const begin = (e, more) => {
    before = new Set(chosen);
    base = more ? before : new Set();
    spots = cells.map((a) => ({ id: grid.id(a), ...grid.of(a) }));
    frame = document.createElement('div');
    frame.className = 'lasso';
    frame.ariaHidden = 'true';
    area.append(frame);
    try { area.setPointerCapture(down.id); } catch { /* the pointer is gone already */ }
    draw(e);
  };
  const draw = (e) => {
    const a = down.at, b = at(e), x = Math.min(a.x, b.x), y = Math.min(a.y, b.y), w = Math.abs(a.x - b.x), h = Math.abs(a.y - b.y);
    for (const [name, v] of Object.entries({ left: x, top: y, width: w, height: h })) frame.style[name] = v + 'px';
    const want = new Set(base);
    for (const s of spots) if (s.x < x + w && s.x + s.side > x && s.y < y + h && s.y + s.side > y) want.add(s.id);
    set(want);
  };
  const end = () => {
    clearTimeout(timer);
    cancelAnimationFrame(due);
    over = !!frame;
    frame?.remove();
    frame = down = null;
    setTimeout(() => { over = false; }); // the click that a drag ends with comes before that
  };
  const back = () => { if (frame) set(before); end(); };
  area.addEventListener('pointerdown', (e) => {
    if (e.button !== 0 || !e.isPrimary) return;
    down = { id: e.pointerId, at: at(e), x: e.clientX, y: e.clientY, touch: e.pointerType === 'touch' };
    if (down.touch) timer = setTimeout(() => begin(e, true), hold);
  });
  area.addEventListener('pointermove', (e) => {
    if (!down || e.pointerId !== down.id) return;
    if (!frame) {
      if (Math.hypot(e.clientX - down.x, e.clientY - down.y) < start) return;
      if (down.touch) { end(); return; }
      begin(e, e.ctrlKey || e.metaKey || e.shiftKey);
      return;
    }
    cancelAnimationFrame(due);
    due = requestAnimationFrame(() => { if (frame) draw(e); });
  });
  area.addEventListener('pointerup', (e) => { if (frame) draw(e); end(); });
  area.addEventListener('pointercancel', back);
  addEventListener('keydown', (e) => { if (e.key === 'Escape' && frame) { e.stopImmediatePropagation(); back(); } }, true);
  area.addEventListener('dragstart', (e) => e.preventDefault()); // a link would be dragged away
  area.addEventListener('contextmenu', (e) => { if (down?.touch) e.preventDefault(); });
  area.addEventListener('touchmove', (e) => { if (frame) e.preventDefault(); }, { passive: false });
  return { ended: () => over };
}
