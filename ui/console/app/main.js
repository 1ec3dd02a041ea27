// The console: what is where, and which key does what.
import { h, put, refill, setClock, boxNow, clock, brief, words, badge, setting } from './dom.js';
import { Line } from './net.js';
import { Log, logView } from './logs.js';
import { overview, diagnostics, history } from './device.js';
import { tonight, audit, recordings, keysHelp } from './store.js';
import { cache } from './cache.js';
import { terminal } from './terminal.js';
import { buttons, give, resultLine } from './act.js';
import { Choice } from './select.js';

const whole = ''; // the place of the whole store
const has = (verb) => app.user.role !== 'viewer' && app.verbs.some((v) => v.verb === verb);
const tabsOf = (id) => (id === whole
  ? [['tonight', 'Tonight', tonight], ['logs', 'Logs', (app) => logView(app, '')], ['cache', 'Cache', cache], ['audit', 'Audit', audit], ...(has('shell') ? [['recordings', 'Recordings', recordings]] : [])]
  : [['overview', 'Overview', overview], ['logs', 'Logs', logView], ['diagnostics', 'Diagnostics', diagnostics], ...(has('shell') ? [['terminal', 'Terminal', terminal]] : []), ['history', 'History', history]]);

const app = {
  line: null, log: null, user: { name: '', role: '' }, store: null, ready: null, night: null,
  devices: new Map(), looks: new Map(), place: new URLSearchParams(location.search), keys: setting('keys') !== 'off',
  verbs: [],
  say: (text) => refill(ui.said, text),
  result: (a) => {
    refill(ui.said, resultLine(a));
    ui.results.prepend(h('li', { class: a.t === 'act.ok' ? '' : 'wrong' }, resultLine(a)));
    while (ui.results.childElementCount > 200) ui.results.lastElementChild.remove();
    ui.past.hidden = false;
  },
  past: (open) => { ui.past.open = open; },
  found: (verb, dev, a) => {
    if (verb === 'shell' && dev === here() && app.place.get('tab') !== 'terminal') pick('terminal');
    if (verb !== 'diagnose' || a.d.check) return;
    app.looks.set(dev, a);
    draw();
  },
  set: (name, value) => {
    if (value) app.place.set(name, value);
    else app.place.delete(name);
    window.history.replaceState(null, '', '/console' + (String(app.place) ? '?' + app.place : ''));
  },
  give: (verb, dev, extra) => {
    const v = app.verbs.find((x) => x.verb === verb), doc = app.devices.get(dev);
    return give(app, v, { dev: v.device && (dev || !v.store || extra) ? dev : '', doc, may: doc && doc.may[verb], ...extra });
  },
};

const ui = {};
let open = null; // the tab that is shown: {panel, draw, close, focus}

function build() {
  const main = document.getElementById('main');
  main.className = 'app';
  document.body.classList.add('is-app');
  ui.filter = h('input', { id: 'filter', type: 'search', value: app.place.get('q') || '', placeholder: 'till  state:failed  group:lanes', 'aria-label': 'Filter the devices' });
  ui.problems = h('ul', { class: 'devices' });
  ui.others = h('ul', { class: 'devices' });
  ui.problemsHead = h('h2', {}, 'Problems');
  ui.othersHead = h('h2', {}, 'Devices');
  ui.storeLink = h('a', { href: '/console', class: 'device', 'data-device': '' }, h('strong', {}, 'Whole store'));
  ui.choice = new Choice(app, () => [...ui.side.querySelectorAll('[data-select]')].map((b) => b.dataset.select));
  ui.side = h('nav', { class: 'side', 'aria-label': 'Devices' }, h('h1', { class: 'phone' }, 'Devices'), ui.filter, ui.storeLink, ui.choice.panel, ui.problemsHead, ui.problems, ui.othersHead, ui.others);
  ui.title = h('h1', { tabindex: -1 });
  ui.state = h('p', { class: 'now' });
  ui.bar = h('div', { id: 'actions', class: 'row actions', role: 'group', 'aria-label': 'Actions' });
  ui.bar.addEventListener('click', () => sheet(false));
  ui.more = h('button', { type: 'button', class: 'more main', 'aria-expanded': 'false', 'aria-controls': 'actions', onclick: () => sheet(ui.more.getAttribute('aria-expanded') === 'false') }, 'Actions');
  ui.tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views' });
  ui.panel = h('div', { class: 'panel', role: 'tabpanel', id: 'panel', tabindex: 0 });
  ui.said = h('p', { class: 'said', role: 'status' });
  ui.results = h('ol', { class: 'results' });
  ui.past = h('details', { hidden: true }, h('summary', {}, 'What was asked here'), ui.results);
  ui.back = h('a', { href: '/console?list=1', class: 'back', 'data-list': '1' }, '← All devices');
  ui.stale = h('p', { class: 'warn', role: 'alert', hidden: true });
  refill(main, ui.side, h('section', { class: 'detail', 'aria-label': 'Details' }, ui.back, ui.stale, ui.title, ui.state, ui.bar, ui.more, ui.said, ui.past, ui.tabs, ui.panel));
  ui.verdict = h('span', { class: 'verdict' });
  ui.window = h('span');
  ui.wan = h('span');
  ui.link = h('span', { class: 'link', role: 'status' });
  ui.dark = h('button', { type: 'button', onclick: dark }, 'Dark');
  put(document.querySelector('.slots'), ui.verdict, ui.window, ui.wan, ui.link, ui.dark, h('a', { href: '/console/handbook' }, 'Handbook'), h('button', { type: 'button', onclick: () => keysHelp(app), 'aria-label': 'Keys' }, '?'));
  document.querySelector('nav.plain').remove();
  ui.filter.addEventListener('input', () => { app.set('q', ui.filter.value.trim()); list(); });
  ui.filter.addEventListener('keydown', (e) => {
    if (e.key === 'Enter') { const first = ui.side.querySelector('a.device:not([data-device=""])'); if (first) first.click(); }
    if (e.key === 'Escape') { ui.filter.value = ''; app.set('q', ''); list(); }
  });
  document.addEventListener('click', follow);
  document.addEventListener('keydown', keys);
  addEventListener('popstate', () => { app.place = new URLSearchParams(location.search); show(); });
}

// sheet opens the actions on a narrow screen, where they come from below.
function sheet(on) {
  const was = ui.more.getAttribute('aria-expanded') === 'true';
  ui.more.setAttribute('aria-expanded', String(on));
  ui.more.textContent = on ? 'Close' : 'Actions';
  document.body.classList.toggle('sheet-open', on);
  if (on) ui.bar.querySelector('button').focus();
  else if (was) ui.more.focus();
}

function dark() {
  const root = document.documentElement, is = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = root.hasAttribute('data-dark') || (is && !root.hasAttribute('data-light'));
  setting('dark', now ? 'no' : 'yes');
  colours();
}

function colours() {
  const root = document.documentElement, want = setting('dark');
  root.toggleAttribute('data-dark', want === 'yes');
  root.toggleAttribute('data-light', want === 'no');
}

// follow goes to a place of the app without loading a page.
function follow(e) {
  const a = e.target.closest && e.target.closest('a[data-device], a[data-list]');
  if (!a || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
  e.preventDefault();
  if (a.dataset.list) return go(null);
  go(a.dataset.device);
}

// go opens a device; null is the list, which only a narrow screen has by itself.
function go(id, tab) {
  app.place.delete('list');
  for (const k of ['device', 'tab', 'at']) app.place.delete(k);
  if (id === null) app.place.set('list', '1');
  else if (id !== whole) app.place.set('device', id);
  if (tab) app.place.set('tab', tab);
  window.history.pushState(null, '', '/console' + (String(app.place) ? '?' + app.place : ''));
  show();
  if (id !== null) ui.title.focus();
}

const here = () => app.place.get('device') || whole;

function show() {
  const id = here(), tabs = tabsOf(id), want = app.place.get('tab');
  document.body.classList.toggle('on-list', app.place.has('list'));
  const now = tabs.find((t) => t[0] === want) || tabs[0];
  if (open && open.close) open.close();
  refill(ui.tabs, tabs.map(([key, label]) => h('button', {
    type: 'button', role: 'tab', id: 'tab-' + key, 'aria-selected': String(key === now[0]), 'aria-controls': 'panel', tabindex: key === now[0] ? 0 : -1,
    onclick: () => pick(key), onkeydown: (e) => turn(e, tabs, key),
  }, label)));
  ui.panel.setAttribute('aria-labelledby', 'tab-' + now[0]);
  ui.bar.replaceChildren();
  if (document.body.classList.contains('sheet-open')) sheet(false);
  refill(ui.title, id === whole ? 'Whole store' : id);
  document.title = `${id === whole ? 'Console' : id} · store ${app.line.hello ? app.line.hello.store : ''} · Nightfill`;
  open = null;
  if (!app.line.hello || (id !== whole && !app.devices.has(id))) {
    refill(ui.panel, app.synced ? 'There is no such device in this store.' : 'Asking the box …');
    ui.shown = '';
  } else {
    open = now[2](app, id);
    refill(ui.panel, open.panel);
    ui.shown = id + ' ' + now[0];
  }
  draw();
}

function pick(key, focus) {
  app.place.set('tab', key);
  app.place.delete('at');
  window.history.pushState(null, '', '/console?' + app.place);
  show();
  document.getElementById('tab-' + key).focus();
  if (focus && open && open.focus) open.focus();
}

function turn(e, tabs, key) {
  const at = tabs.findIndex((t) => t[0] === key), step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  const to = step ? tabs[(at + step + tabs.length) % tabs.length] : e.key === 'Home' ? tabs[0] : e.key === 'End' ? tabs.at(-1) : null;
  if (to) { e.preventDefault(); pick(to[0]); }
}

// matches reports whether a device passes the filter: words, and state: group: class: problem.
function matches(d) {
  return ui.filter.value.toLowerCase().split(/\s+/).filter(Boolean).every((w) => {
    const [key, value] = w.includes(':') ? w.split(/:(.*)/) : ['', w];
    switch (key) {
      case 'state': return d.state.startsWith(value.replace(' ', '_'));
      case 'group': return (d.groups || []).some((g) => g.startsWith(value));
      case 'class': case 'type': return d.class.startsWith(value);
      default: return JSON.stringify([d.device, d.class, d.state, d.patch, d.title, d.groups, d.reason && d.reason.text]).toLowerCase().includes(w);
    }
  });
}

const items = new Map(); // device -> its line in the list

function item(d) {
  let li = items.get(d.device);
  if (!li) {
    li = h('li', {}, app.user.role !== 'viewer' && ui.choice.box(d.device), h('a', { class: 'device', href: '/console?device=' + encodeURIComponent(d.device), 'data-device': d.device }));
    items.set(d.device, li);
  }
  const text = JSON.stringify([d.state, d.patch, d.update_percentage, d.held && 1, d.by_hand && 1, d.answers]);
  if (li.told !== text) {
    li.told = text;
    refill(li.lastElementChild, h('strong', {}, d.device), ' ', badge(d.held ? 'held' : d.state), d.held && d.state !== 'held' ? ' ' + words(d.state) : '', d.by_hand && ' by hand',
      h('small', {}, [d.patch, d.update_percentage !== null && d.update_percentage !== undefined && d.update_percentage + ' %'].filter(Boolean).join(' · ')));
  }
  if (d.device === here()) li.lastElementChild.setAttribute('aria-current', 'page');
  else li.lastElementChild.removeAttribute('aria-current');
  return li;
}

function list() {
  const all = [...app.devices.values()].filter(matches), bad = all.filter((d) => d.problem), good = all.filter((d) => !d.problem);
  const focused = document.activeElement;
  for (const [ul, devices] of [[ui.problems, bad], [ui.others, good]]) {
    const want = devices.map(item);
    if (want.length !== ul.childElementCount || want.some((li, i) => ul.children[i] !== li)) ul.replaceChildren(...want);
  }
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus();
  refill(ui.problemsHead, `Problems (${bad.length})`);
  ui.problemsHead.hidden = !bad.length;
  refill(ui.othersHead, `${bad.length ? 'All others' : 'Devices'} (${good.length}${all.length < app.devices.size ? ' of ' + app.devices.size : ''})`);
  if (here() === whole) ui.storeLink.setAttribute('aria-current', 'page');
  else ui.storeLink.removeAttribute('aria-current');
}

let drawing = 0;

function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    list();
    ui.choice.draw();
    const id = here(), d = app.devices.get(id);
    if (app.line.hello && ui.shown === '' && (id === whole || d)) return show();
    if (open && open.draw) open.draw();
    if (d) {
      refill(ui.state, badge(d.state), ' ', d.reason ? d.reason.text : '', d.held ? ` · held until ${clock(d.held.until)} by ${d.held.actor}` : '');
      buttons(app, ui.bar, app.verbs.filter((v) => v.device), id, d);
    } else if (id === whole && app.store) {
      const above = app.store.held_by_headquarters;
      refill(ui.state, above ? `Held by headquarters since ${clock(above.at)}: ${above.reason} (nothing is begun until people there lift it). ` : '', app.store.held ? `The whole store is held until ${clock(app.store.held.until)} by ${app.store.held.actor}: ${app.store.held.reason}` : '');
      buttons(app, ui.bar, app.verbs.filter((v) => v.store && !v.device), '', app.store);
      buttons(app, ui.bar, app.verbs.filter((v) => v.store && v.device), 'all', app.store);
    }
    top();
  });
}

function top() {
  const s = app.store;
  if (s) {
    refill(ui.verdict, { ready: '✓ READY', ready_notes: '✓ READY', not_ready: '✕ NOT READY', working: '… UPDATING', unknown: "? DON'T KNOW" }[s.verdict] || words(s.verdict));
    ui.verdict.dataset.verdict = s.verdict;
    const w = s.window || {}, left = (t) => brief(new Date(t) - boxNow());
    refill(ui.window, w.open ? `Window closes in ${left(w.closes)}` : w.opens && !w.opens.startsWith('0001') ? `Window opens in ${left(w.opens)}` : 'No window in sight', s.held_by_headquarters ? ' · held by headquarters' : '', s.trading ? ' · store may be trading' : '');
    refill(ui.wan, !s.mqtt.wanted ? '' : s.mqtt.connected ? 'Headquarters reached' : 'Headquarters not reached');
  }
  pill();
}

function pill() {
  const l = app.line, live = l.state === 'live', from = l.liveAt ? clock(lastHeard().toISOString()) : '';
  const text = live ? '● live' : l.state === 'offline' ? `○ offline${from ? ', showing ' + from : ''}` : l.state === 'reconnecting' ? `◌ reconnecting (${Math.max(0, Math.ceil((l.again - Date.now()) / 1000))} s)` : '◌ connecting';
  if (ui.link.textContent !== text) ui.link.textContent = text;
  ui.link.dataset.state = l.state;
  const stale = !live && !!l.liveAt;
  if (document.body.classList.contains('stale') !== stale) {
    document.body.classList.toggle('stale', stale);
    refill(ui.stale, stale ? `Not connected to the box. Everything below is as of ${clock(lastHeard().toISOString(), true)}.` : '');
    ui.stale.hidden = !stale;
    draw();
  }
}

const lastHeard = () => new Date(app.line.heard + (boxNow() - Date.now()));

function keys(e) {
  if (e.key === 'Escape' && document.body.classList.contains('sheet-open')) return sheet(false);
  const typing = e.target.closest('input, textarea, select, dialog, .xterm');
  if (!app.keys || typing || e.ctrlKey || e.metaKey || e.altKey) return;
  const links = [...ui.side.querySelectorAll('a.device')], at = links.indexOf(document.activeElement);
  const tabs = tabsOf(here()), on = at > 0 ? links[at].dataset.device : here();
  const choose = on !== whole && app.user.role !== 'viewer' && (() => ui.choice.toggle(on, undefined, e.shiftKey));
  const act = {
    x: choose, X: choose, ' ': at > 0 && choose,
    '/': () => ui.filter.focus(), j: () => links[Math.min(at + 1, links.length - 1)].focus(), k: () => links[Math.max(at - 1, 0)].focus(),
    l: () => pick('logs', true), d: () => here() !== whole && pick('diagnostics'), '?': () => keysHelp(app),
  }[e.key] || (/^[1-5]$/.test(e.key) && tabs[e.key - 1] && (() => pick(tabs[e.key - 1][0])));
  if (act) { e.preventDefault(); act(); }
}

colours();
build();
const line = app.line = new Line();
app.log = new Log(line);
line.addEventListener('hello', (e) => {
  const f = e.detail;
  setClock(f.zone, new Date(f.now) - Date.now());
  app.user = f.session;
  app.verbs = f.verbs;
  draw();
});
line.addEventListener('store', (e) => { app.store = e.detail.d; draw(); });
line.addEventListener('ready', (e) => { app.ready = e.detail.d; draw(); });
line.addEventListener('night', (e) => { app.night = e.detail.d; draw(); });
line.addEventListener('dev', (e) => { app.devices.set(e.detail.dev, e.detail.d); draw(); });
line.addEventListener('synced', (e) => { if (e.detail.ch === 'dev' && !app.synced) { app.synced = true; show(); } });
line.addEventListener('state', () => { pill(); });
line.addEventListener('anew', () => { app.devices.clear(); app.synced = false; });
setInterval(() => draw(), 10000);
show();
window.nightfill = app; // for who tests it
