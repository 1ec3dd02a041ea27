// Times of the stores, of the reader, or UTC. The page has them as its server wrote them.
const names = { store: 'store', mine: 'mine', utc: 'UTC' };

export function times(button) {
  let kind = 'store';
  try { kind = localStorage.getItem('times') || kind; } catch { /* a browser that keeps nothing */ }
  if (!names[kind]) kind = 'store';
  const write = (t) => {
    t.dataset.own ??= t.textContent;
    if (kind === 'store') { t.textContent = t.dataset.own; return; }
    const at = new Date(t.dateTime), options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
    if (kind === 'utc') options.timeZone = 'UTC';
    if (Math.abs(Date.now() - at) > 20 * 3600e3) Object.assign(options, { year: 'numeric', month: '2-digit', day: '2-digit' });
    t.textContent = at.toLocaleString('en-GB', options);
  };
  const show = (root) => root.querySelectorAll('time').forEach(write);
  if (!button) return show;
  const label = () => { button.textContent = 'Times: ' + names[kind]; };
  button.hidden = false;
  button.addEventListener('click', () => {
    const all = Object.keys(names);
    kind = all[(all.indexOf(kind) + 1) % all.length];
    try { localStorage.setItem('times', kind); } catch { /* as above */ }
    label();
    show(document);
  });
  label();
  if (kind !== 'store') show(document);
  return (root) => { if (kind !== 'store') show(root); };
}
