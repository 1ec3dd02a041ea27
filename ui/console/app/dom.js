// Small helpers: elements, times in the zone of the store, words.

// h makes an element. Text is always text: nothing that comes from a device becomes markup.
export function h(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  put(e, ...children);
  return e;
}

export function put(e, ...children) {
  for (const c of children.flat(3)) if (c !== null && c !== undefined && c !== false) e.append(c);
  return e;
}

export function refill(e, ...children) {
  e.replaceChildren();
  return put(e, ...children);
}

const kept = { zone: 'UTC', offset: 0, formats: {} };

// setClock takes the zone of the store and how far the clock of the box is ahead of ours, in ms.
export function setClock(zone, offset) {
  kept.zone = zone;
  kept.offset = offset;
  kept.formats = {};
}

export const boxNow = () => new Date(Date.now() + kept.offset);

function format(kind, options) {
  if (!kept.formats[kind]) {
    try {
      kept.formats[kind] = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: kept.zone, hourCycle: 'h23' });
    } catch {
      kept.formats[kind] = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC', hourCycle: 'h23' });
    }
  }
  return kept.formats[kind];
}

const none = (t) => !t || t.startsWith('0001-');

// clock writes a moment: its time, with the date when it is not today.
export function clock(t, seconds) {
  if (none(t)) return '';
  const d = new Date(t), hm = { hour: '2-digit', minute: '2-digit' };
  const time = format(seconds ? 'hms' : 'hm', seconds ? { ...hm, second: '2-digit' } : hm).format(d);
  const day = format('day', { day: 'numeric', month: 'short' });
  return day.format(d) === day.format(boxNow()) ? time : day.format(d) + ' ' + time;
}

// when is a moment as an element: the store's time, and UTC for who points at it.
export function when(t, seconds) {
  if (none(t)) return '';
  return h('time', { datetime: t, title: new Date(t).toISOString() }, clock(t, seconds));
}

// brief writes a length of time with its two largest units.
export function brief(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), hours = Math.floor(m / 60), days = Math.floor(hours / 24);
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${m % 60} min`;
  return m ? `${m} min` : `${s} s`;
}

export const words = (s) => String(s || '').replaceAll('_', ' ');

export const reason = (r) => (r ? `${r.text} [${r.code}]` : '');

const signs = {
  done: '✓', failed: '✕', rollback_failed: '✕', rolled_back: '↩', no_answer: '?', held: '‖', skipped: '–', not_due: '·', queued: '…', waiting: '…', staged: '…',
};

// badge is a state as a sign and a word, and a colour where a person is needed.
export function badge(state) {
  const tone = ['failed', 'rollback_failed'].includes(state) ? 'bad' : ['rolled_back', 'no_answer', 'held'].includes(state) ? 'note' : state === 'done' ? 'good' : '';
  return h('span', { class: 'badge ' + tone }, h('span', { 'aria-hidden': 'true' }, signs[state] || '▶'), ' ', words(state));
}

// save offers text as a file.
export function save(name, kind, text) {
  const a = h('a', { download: name, href: URL.createObjectURL(new Blob([text], { type: kind })) });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

// setting remembers a choice in this browser.
export function setting(name, value) {
  const key = 'nightfill.' + name;
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
