// The journal as lines: what a record says, and a list that follows without fighting the reader.
import { h, refill, when, words, save, setting, clock } from './dom.js';
import { lines } from './net.js';

const most = 10000; // lines that are kept
const around = 100; // records before and after one that is shown in context

const grave = ['failed', 'timed_out', 'rollback_failed', 'no_answer', 'interrupted', 'unreached'];
const noted = ['rolled_back', 'held', 'skipped', 'refused'];

// level is how much a record matters: problem, notice or info.
export function level(e) {
  const bad = grave.includes(e.outcome) || grave.includes(e.to) || e.verdict === 'not_ready' || (e.check && e.check.outcome === 'fail');
  if (bad || ['device.silent', 'catalog.refused', 'patch.quarantined'].includes(e.kind)) return 'problem';
  if (noted.includes(e.to) || noted.includes(e.outcome) || e.actor || e.verdict) return 'notice';
  return 'info';
}

// describe puts a record into one line, as the journal page without scripts does.
export function describe(e) {
  const parts = [e.patch, e.step, e.outcome, e.to && `${words(e.from)} -> ${words(e.to)}`, e.verdict, e.actor && 'by ' + e.actor,
    e.hold && 'until ' + clock(e.hold.until), e.check && `${e.check.check} ${e.check.outcome} ${e.check.seen || ''}`, e.text, e.why, e.reason && e.reason.text];
  return parts.filter(Boolean).join(' · ');
}

const gapText = (x) => `── records ${x.from} to ${x.to} left out: slow connection, or not kept any more ──`;

// Log keeps the newest records for every view.
export class Log extends EventTarget {
  constructor(line) {
    super();
    this.entries = []; // records {seq, at, e}, and gaps {from, to}
    line.addEventListener('log', (ev) => this.add({ seq: ev.detail.seq, at: ev.detail.ts, e: ev.detail.d }));
    line.addEventListener('gap', (ev) => this.add({ from: ev.detail.from, to: ev.detail.to }));
    line.addEventListener('anew', () => { this.entries = []; this.dispatchEvent(new Event('anew')); });
  }

  add(entry) {
    this.entries.push(entry);
    if (this.entries.length > most) this.entries.splice(0, this.entries.length - most);
    this.dispatchEvent(new CustomEvent('entry', { detail: entry }));
  }
}

// logView is the tab with the lines of a device, or of all.
export function logView(app, device) {
  const query = app.place;
  const list = h('div', { class: 'log', role: 'log', 'aria-live': 'off', tabindex: 0, 'aria-label': device ? 'Journal of ' + device : 'Journal' });
  const text = h('input', { type: 'search', value: query.get('text') || '', placeholder: 'words, or /regex/', 'aria-label': 'Find in the lines' });
  const pill = h('button', { type: 'button', class: 'pill', hidden: true });
  const count = h('span', { class: 'soft', role: 'status' });
  const back = h('button', { type: 'button', onclick: leave }, 'Back to the matches'), context = h('p', { class: 'row context', role: 'status', hidden: true });
  let follow = true, fresh = 0, queue = [], oldest = Infinity, was = 0, busy = false, alone = 0, matched = [], matches = matcher();

  function matcher() {
    const levels = (query.get('level') || '').split(',').filter(Boolean), want = text.value.trim();
    let found = () => true;
    const pattern = want.match(/^\/(.+)\/$/);
    if (pattern) {
      try { const r = new RegExp(pattern[1], 'i'); found = (s) => r.test(s); } catch { found = () => false; }
    } else if (want) found = (s) => s.toLowerCase().includes(want.toLowerCase());
    const filtered = want || levels.length;
    list.classList.toggle('filtered', !!filtered);
    return (x) => x.from !== undefined || ((!device || x.e.device === device) && (!levels.length || levels.includes(level(x.e))) && found(full(x)));
  }

  const full = (x) => `${x.seq} ${x.e.at} ${x.e.kind} ${x.e.device || ''} ${describe(x.e)}`;

  function row(x) {
    if (x.from !== undefined) {
      const r = h('div', { class: 'gap' }, gapText(x));
      r.entry = x;
      return r;
    }
    const l = level(x.e);
    const r = h('div', { class: 'line ' + l }, h('span', { class: 'at' }, when(x.e.at, true)), h('span', { class: 'kind' }, (l === 'problem' ? '✕ ' : l === 'notice' ? '! ' : '') + x.e.kind),
      !device && h('span', { class: 'dev' }, x.e.device || ''), h('span', { class: 'what' }, describe(x.e)),
      h('button', { type: 'button', class: 'near', title: 'Show in context', 'aria-label': `Show record ${x.seq} in context`, 'data-near': x.seq }, '⋯'));
    r.entry = x;
    return r;
  }

  function tail() { list.scrollTop = list.scrollHeight; }

  function flush() {
    if (alone) return; // what arrives waits
    for (const x of queue) oldest = Math.min(oldest, x.seq || Infinity);
    const batch = queue.filter(matches);
    queue = [];
    list.append(...batch.map(row));
    while (list.childElementCount > most) list.firstElementChild.remove();
    if (follow) tail();
    else if (batch.length) {
      fresh += batch.length;
      pill.textContent = `${fresh} new line${fresh === 1 ? '' : 's'} ↓`;
      pill.hidden = false;
    }
    tally();
  }

  // near shows a record with its neighbours, whatever the filter says.
  async function near(seq) {
    try {
      const got = await lines(`api/journal?from=${Math.max(1, seq - around)}&limit=${2 * around + 1}`);
      if (!alone) matched = [...list.children];
      alone = seq;
      app.set('at', String(seq));
      follow = false;
      pill.hidden = true;
      list.classList.remove('filtered');
      list.replaceChildren(...got.filter((r) => !device || r.event.device === device).map((r) => row({ seq: r.seq, at: r.event.at, e: r.event })));
      const it = [...list.children].find((r) => r.entry.seq === seq);
      refill(context, it ? `Record ${seq} with its neighbours, without the filter. ` : `Record ${seq} is not kept any more. `, back);
      context.hidden = false;
      count.textContent = `${list.childElementCount} lines`;
      if (it) { it.classList.add('here'); it.setAttribute('aria-current', 'true'); it.scrollIntoView({ block: 'center' }); }
      back.focus();
    } catch (e) {
      app.say('The neighbours cannot be had: ' + e.message);
    }
  }

  // leave goes back to the matches, and to the line from which the neighbours were asked for.
  function leave() {
    const seq = alone;
    alone = 0;
    context.hidden = true;
    app.set('at', '');
    matches = matcher();
    list.replaceChildren(...matched);
    flush();
    const it = [...list.children].find((r) => r.entry.seq === seq);
    if (!it) return list.focus();
    follow = false;
    tally();
    it.scrollIntoView({ block: 'center' });
    it.querySelector('.near').focus();
  }

  const tally = () => { count.textContent = `${list.childElementCount} lines${follow ? ', following' : ', paused'}`; };

  function fill() {
    matches = matcher();
    if (alone) app.set('at', '');
    alone = 0;
    context.hidden = true;
    queue = [];
    oldest = app.log.entries.reduce((n, x) => Math.min(n, x.seq || Infinity), Infinity);
    list.replaceChildren(...app.log.entries.filter(matches).map(row));
    resume();
  }

  function resume() {
    follow = true;
    fresh = 0;
    pill.hidden = true;
    tail();
    tally();
  }

  async function older() {
    if (alone || busy || oldest <= 1 || oldest === Infinity) return;
    busy = true;
    try {
      const got = await lines(`api/journal?limit=500&before=${oldest}${device ? '&device=' + encodeURIComponent(device) : ''}`);
      if (got.length) {
        oldest = got[0].seq;
        const before = list.scrollHeight;
        list.prepend(...got.map((r) => ({ seq: r.seq, at: r.event.at, e: r.event })).filter(matches).map(row));
        list.scrollTop += list.scrollHeight - before;
        tally();
      } else oldest = 0;
    } catch (e) {
      app.say('Older records cannot be had: ' + e.message);
    }
    busy = false;
  }

  // further looks back until it finds a line that matches, ten pages at most.
  async function further() {
    const had = list.childElementCount;
    for (let page = 0; page < 10 && oldest > app.line.hello.first && list.childElementCount === had; page++) await older();
    if (list.childElementCount === had) app.say(oldest > app.line.hello.first ? `Nothing matches back to record ${oldest}.` : 'There is nothing older.');
  }

  list.addEventListener('click', (e) => { const b = e.target.closest('[data-near]'); if (b) near(Number(b.dataset.near)); });
  list.addEventListener('scroll', () => {
    if (alone) return;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8, up = list.scrollTop < was - 1;
    was = list.scrollTop;
    if (atEnd && !follow) resume();
    else if (!atEnd && follow && up) { follow = false; tally(); }
    else if (!atEnd && follow) tail(); // lines turned out higher than they were taken to be
    if (list.scrollTop < 40 && !follow) older();
  });
  list.addEventListener('keydown', (e) => { if (e.key === 'End' || (e.key === 'f' && app.keys)) { e.preventDefault(); if (alone) leave(); else resume(); } });
  pill.addEventListener('click', () => { resume(); list.focus(); });
  text.addEventListener('input', () => { app.set('text', text.value.trim()); fill(); });

  const chips = ['problem', 'notice', 'info'].map((l) => {
    const on = () => (query.get('level') || '').split(',').includes(l);
    const chip = h('button', { type: 'button', class: 'chip', 'aria-pressed': String(on()) }, l);
    chip.addEventListener('click', () => {
      const now = new Set((query.get('level') || '').split(',').filter(Boolean));
      if (!now.delete(l)) now.add(l);
      app.set('level', [...now].join(','));
      chip.setAttribute('aria-pressed', String(on()));
      fill();
    });
    return chip;
  });
  const wrap = h('button', { type: 'button', class: 'chip', 'aria-pressed': String(setting('wrap') !== 'no') }, 'wrap');
  const wrapped = () => list.classList.toggle('nowrap', setting('wrap') === 'no');
  wrap.addEventListener('click', () => {
    setting('wrap', setting('wrap') === 'no' ? 'yes' : 'no');
    wrap.setAttribute('aria-pressed', String(setting('wrap') !== 'no'));
    wrapped();
  });
  wrapped();
  const shown = () => [...list.children].map((r) => r.entry).filter(Boolean);
  const name = `nightfill-${app.line.hello.store}${device ? '-' + device : ''}`;
  const entry = (ev) => { queue.push(ev.detail); if (queue.length === 1) requestAnimationFrame(flush); };
  app.log.addEventListener('entry', entry);
  app.log.addEventListener('anew', fill);
  const panel = h('div', { class: 'logs' },
    h('div', { class: 'row tools' }, text, chips, wrap, h('button', { type: 'button', onclick: further }, 'Older'), count,
      h('button', { type: 'button', onclick: () => save(name + '.log', 'text/plain', shown().map((x) => (x.e ? full(x) : gapText(x)) + '\n').join('')) }, 'Download shown, .log'),
      h('button', { type: 'button', onclick: () => save(name + '.jsonl', 'application/jsonl', shown().map((x) => JSON.stringify(x.e ? { seq: x.seq, event: x.e } : { gap: x }) + '\n').join('')) }, '.jsonl'),
      h('a', { href: '/console/api/journal?download=1' }, 'all')),
    context, h('div', { class: 'frame' }, list, pill));
  const at = Number(query.get('at'));
  requestAnimationFrame(() => { fill(); if (at) near(at); });
  return { panel, focus: () => list.focus(), close: () => { app.log.removeEventListener('entry', entry); app.log.removeEventListener('anew', fill); } };
}

// table shows records as a table: history of a device, or audit.
export function table(records, withDevice) {
  if (!records.length) return h('p', {}, 'There is none.');
  return h('table', {}, h('thead', {}, h('tr', {}, ['No.', 'At', 'Who', 'What', withDevice && 'Device', 'Detail'].filter(Boolean).map((t) => h('th', { scope: 'col' }, t)))),
    h('tbody', {}, records.map((r) => h('tr', {}, h('td', {}, String(r.seq)), h('td', {}, when(r.event.at, true)), h('td', {}, r.event.actor || 'the box'),
      h('th', { scope: 'row' }, r.event.kind), withDevice && h('td', {}, r.event.device || ''), h('td', {}, describe({ ...r.event, actor: '' }))))));
}

export { refill };
