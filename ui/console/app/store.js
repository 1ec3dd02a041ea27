// The tabs of the whole store.
import { h, refill, when, words, reason, badge, save, setting } from './dom.js';
import { ask, lines } from './net.js';
import { table } from './logs.js';

// tonight is the newest night: its picture, what was left out, what needs a person.
export function tonight(app) {
  const head = h('div'), rest = h('div'), img = h('img', { class: 'night', alt: 'Picture of the night; the devices and their tabs say the same' });
  const panel = h('div', {}, head, h('p', { class: 'frame2' }, img), rest);
  let told = '', drawn = 0, timer = 0;

  function picture() {
    clearTimeout(timer);
    const wait = Math.max(0, 5000 - (Date.now() - drawn)); // a picture is dear: one in 5 s
    timer = setTimeout(() => { drawn = Date.now(); img.src = '/console/night.svg?at=' + drawn; }, wait);
  }

  function draw() {
    const n = app.night, s = app.store || {}, r = app.ready || {};
    const all = JSON.stringify([n, s.quarantine, s.problems, s.held_back, s.text, r.fix]);
    if (all === told) return;
    told = all;
    refill(head, h('p', {}, h('strong', {}, s.text || '')),
      (s.problems || []).length > 0 && [h('h2', {}, 'Needs somebody'), h('ul', {}, s.problems.map((p) => h('li', {}, p)))],
      (s.held_back || []).length > 0 && [h('h2', {}, 'Nothing is begun as things are'), h('ul', {}, s.held_back.map((o) => h('li', {}, `${reason(o)}; ${o.what_to_do}`)))],
      n ? [h('h2', {}, `Night of ${n.night}`), h('p', {}, n.open ? ['Under way, ', `${n.settled} of ${n.total} settled`, n.ends && [', expected to end ', when(n.ends)]] : ['Closed ', when(n.closed), ': ', n.summary]),
        h('p', {}, Object.entries(n.states || {}).map(([k, v]) => [badge(k), ` ${v} `]))] : h('p', {}, 'There was no night yet.'));
    img.hidden = !n;
    refill(rest, (s.quarantine || []).length > 0 && [h('h2', {}, 'In quarantine'), h('ul', {}, s.quarantine.map((q) => h('li', {}, `${q.patch}: ${reason(q.reason)} `,
      h('button', { type: 'button', onclick: () => app.give('release', '', { patch: q.patch }) }, 'Release'))))]);
    if (n) picture();
  }
  draw();
  return { panel, draw, close: () => clearTimeout(timer) };
}

// bundleButton downloads a support bundle, of a device or, with '', of the whole store.
export function bundleButton(app, dev) {
  async function take() {
    app.say('The bundle is being made …');
    const r = await fetch('/console/bundle', { method: 'POST', body: new URLSearchParams({ device: dev }) }).catch(() => null);
    if (r && r.status === 401) location.reload();
    if (!r || !r.ok) return app.say('No bundle: ' + (r ? await r.text() : 'the box does not answer'));
    const name = (r.headers.get('Content-Disposition') || '').match(/"(.+)"/), body = await r.blob().catch(() => null);
    if (!body) return app.say('The bundle was not received whole.');
    save(name ? name[1] : 'nightfill.zip', 'application/zip', body);
    app.say(`The bundle has ${Math.ceil(body.size / 1024)} KiB; no secret of the box is in it. manifest.json in it says what could not be had.`);
  }
  return app.user.role !== 'viewer' && h('button', { type: 'button', onclick: take }, 'Download bundle');
}

// audit is who did what, and whether the journal is whole.
export function audit(app) {
  const body = h('div'), proof = h('div', { role: 'status' }), more = h('button', { type: 'button', hidden: true, onclick: () => load() }, 'Older');
  let oldest = 0, all = [];
  async function load() {
    try {
      for (let looked = 0, had = all.length; looked < 5 && all.length < had + 50; looked++) {
        const got = await lines(`api/journal?limit=1000${oldest ? '&before=' + oldest : ''}`);
        if (!got.length) { oldest = 1; break; }
        oldest = got[0].seq;
        all.push(...got.filter((r) => r.event.actor || ['login.ended', 'account.changed', 'daemon.started', 'verdict.changed'].includes(r.event.kind)).reverse());
      }
      more.hidden = oldest <= app.line.hello.first;
      refill(body, table(all, true));
    } catch (e) {
      refill(body, 'The journal cannot be had: ' + e.message);
    }
  }
  async function verify() {
    refill(proof, 'Checking every record …');
    try {
      const v = JSON.parse(await ask('api/verify'));
      refill(proof, h('p', {}, h('strong', {}, 'The journal is whole.'), ' ', Object.entries(v).map(([k, x]) => `${words(k)} ${typeof x === 'object' ? JSON.stringify(x) : x}`).join(', ')));
    } catch (e) {
      refill(proof, h('p', { class: 'error' }, e.message));
    }
  }
  load();
  return { panel: h('div', {}, h('p', { class: 'row' }, h('button', { type: 'button', onclick: verify }, 'Verify the journal'), bundleButton(app, '')), proof, h('h2', {}, 'Who did what'), body, h('p', {}, more)) };
}

// recordings are those of terminals: to be played, and downloaded.
export function recordings(app) {
  const body = h('div'), word = { whole: 'as the journal knows it', changed: 'CHANGED: it proves nothing', missing: 'missing', open: 'still open' };
  async function load() {
    try {
      const { recordings: list } = JSON.parse(await ask('api/recordings'));
      const link = (r, to, text) => h('a', { href: `/console/${to}` }, text);
      refill(body, list && list.length ? h('table', {}, h('thead', {}, h('tr', {}, ['Begun', 'Device', 'Who', 'Why', 'Lasted', 'File', ''].map((t) => h('th', { scope: 'col' }, t || h('span', { class: 'unseen' }, 'Do'))))),
        h('tbody', {}, list.map((r) => h('tr', {}, h('td', {}, when(r.begun)), h('th', { scope: 'row' }, r.device), h('td', {}, r.actor), h('td', {}, r.reason), h('td', {}, String(r.lasted).replace(/\.\d+/, '')),
          h('td', { class: r.state === 'changed' || r.state === 'missing' ? 'wrong' : '' }, word[r.state] || r.state),
          h('td', {}, r.state !== 'missing' && [link(r, `play/${r.id}`, 'Play'), ' ', link(r, `recording/${r.id}.cast`, '.cast'), ' ', link(r, `recording/${r.id}.txt`, 'text')])))))
        : h('p', {}, 'There is none.'));
    } catch (e) {
      refill(body, e.message);
    }
  }
  load();
  return { panel: h('div', {}, h('h2', {}, 'Recordings of terminals'), body) };
}

// keysHelp lists the keys, and switches those of one letter on and off.
export function keysHelp(app) {
  const list = [['/', 'filter the devices'], ['j, k', 'next and previous device'], ['Enter', 'open it'], ['x, Space', 'select it; with Shift all from the last one'], ['1-5', 'tabs'], ['l', 'its log'], ['d', 'its diagnostics'], ['f, End', 'follow the log again'], ['?', 'this help']];
  const off = h('input', { type: 'checkbox', checked: app.keys, onchange: (e) => { app.keys = e.target.checked; setting('keys', app.keys ? 'on' : 'off'); } });
  const d = h('dialog', { 'aria-labelledby': 'keys' }, h('h2', { id: 'keys' }, 'Keys'),
    h('dl', {}, list.map(([k, t]) => [h('dt', {}, h('kbd', {}, k)), h('dd', {}, t)])), h('p', {}, h('label', {}, off, ' Keys of one letter are on')),
    h('p', { class: 'row' }, h('button', { type: 'button', class: 'main', onclick: () => d.close() }, 'Close')));
  d.addEventListener('close', () => d.remove());
  document.body.append(d);
  d.showModal();
}
