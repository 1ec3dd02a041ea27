// The tabs of a device.
import { h, refill, when, clock, boxNow, words, reason, badge } from './dom.js';
import { ask, lines } from './net.js';
import { table } from './logs.js';
import { bundleButton } from './store.js';

// overview is what is so, how it came to be, and its proof.
export function overview(app, id) {
  const panel = h('div'), opened = new Set(), next = h('div', { role: 'status' }), last = diagnostics(app, id);
  const sheet = h('section', { class: 'printed' }, last.panel), foot = h('p', { class: 'printed' }); // only on paper
  let told = '';
  async function whatNext() {
    refill(next, 'Looking at the devices …');
    try {
      const { answers } = JSON.parse(await ask('api/why?device=' + encodeURIComponent(id)));
      refill(next, h('table', {}, h('thead', {}, h('tr', {}, ['Patch', 'Now', 'Next night'].map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, answers.map((a) => h('tr', {}, h('th', { scope: 'row' }, a.patch || 'the device'),
          h('td', {}, badge(a.state), ' ', reason(a.reason || a.dirty), a.last_safe_start && [' last safe start ', when(a.last_safe_start)]),
          h('td', {}, a.next ? [a.next.state === 'queued' ? ['begins ', when(a.next.begins), ' on the night of ', a.next.night, a.next.reason && [', but as things are: ', reason(a.next.reason)]] : [words(a.next.state), ': ', reason(a.next.reason)]] : 'decided tonight'))))));
    } catch (e) {
      refill(next, 'No answer: ' + e.message);
    }
  }
  const button = h('button', { type: 'button', onclick: whatNext }, 'Why, and what comes next');

  function draw() {
    const d = app.devices.get(id);
    last.draw();
    refill(foot, `Store ${app.line.hello.store} ${app.line.hello.name}, as of ${clock(boxNow().toISOString(), true)}`);
    if (!d || JSON.stringify(d) === told) return;
    told = JSON.stringify(d);
    refill(panel, h('dl', { class: 'facts' },
      fact('State', badge(d.state), d.since && [' since ', when(d.since)], d.last_state && ` (it was ${words(d.last_state)})`),
      d.reason && fact('Why', reason(d.reason)),
      d.dirty && fact('Needs a person', reason(d.dirty)),
      d.held && fact('Held', `by ${d.held.actor} until ${clock(d.held.until)}: ${d.held.reason}`),
      d.by_hand && fact('At work', `${d.by_hand.actor} ${d.by_hand.what === 'restart.asked' ? 'is restarting it' : 'works on it in a terminal'}: ${d.by_hand.why}`),
      (d.installed_version || d.latest_version) && fact('Installed', `${d.installed_version || 'not known'}${d.latest_version ? ', wanted at least ' + d.latest_version : ''}`),
      d.update_percentage !== null && d.update_percentage !== undefined && fact('Tonight', `${d.update_percentage} % of its patches settled`),
      d.verified_at && fact('Proven', when(d.verified_at)),
      fact('Answers', d.answers ? 'yes' : 'no', d.seen_at && [', seen ', when(d.seen_at)]),
      fact('Class', d.class, d.model && ', ' + d.model, d.system && ', ' + d.system),
      fact('Address', d.address || 'none', d.user && ` as ${d.user}`, d.enrolled ? ', key pinned' : ', no key pinned'),
      (d.groups || d.capabilities) && fact('Groups', [...(d.groups || []), ...(d.capabilities || []).map((c) => 'needed to ' + c)].join(', '))),
      h('h2', {}, 'What happened in the newest night'),
      (d.jobs || []).length ? d.jobs.map((j) => job(j)) : h('p', {}, 'Nothing was planned for it.'),
      h('p', { class: 'onscreen' }, button), next, sheet, foot);
  }

  function job(j) {
    return h('section', { class: 'job' }, h('h3', {}, j.patch, ' ', badge(j.state), ' ', j.since && when(j.since)),
      j.reason && h('p', {}, reason(j.reason)),
      (j.before || j.after) && h('p', { class: 'soft' }, `version before ${j.before || 'not known'}, after ${j.after || 'not known'}`),
      h('ol', { class: 'steps' }, (j.steps || []).map((s) => step(j, s)), j.step && h('li', {}, `${j.step}: under way`)));
  }

  function step(j, s) {
    const key = `${j.patch} ${s.step}`, said = [s.exit_code !== undefined && `exit code ${s.exit_code}`, s.attempt > 1 && `attempt ${s.attempt}`].filter(Boolean).join(', ');
    return h('li', {}, when(s.at, true), ` ${s.step} `, h('strong', { class: s.outcome === 'ok' ? '' : 'wrong' }, words(s.outcome)), said && ` (${said})`,
      s.output && h('details', { open: opened.has(key), ontoggle: (e) => (e.target.open ? opened.add(key) : opened.delete(key)) }, h('summary', {}, s.step === 'verify' ? 'proof' : 'what it printed'), h('pre', { tabindex: 0 }, s.output)));
  }
  draw();
  return { panel, draw };
}

const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];

// diagnostics is a table of everything that was looked at.
export function diagnostics(app, id) {
  const rows = h('div'), found = h('div');
  const button = (verb, label) => h('button', { type: 'button', onclick: () => app.give(verb, id) }, label);
  const panel = h('div', {}, h('p', { class: 'row' }, button('diagnose', 'Look at the device now'), button('check', 'Run all checks of the store'),
    h('button', { type: 'button', onclick: copy }, 'Copy for ticket'), bundleButton(app, id)), rows, found);
  let told = '';

  function cells() {
    const d = app.devices.get(id) || {};
    return (d.checks || []).map((c) => [c.check, words(c.outcome), c.seen || (c.reason && c.reason.text) || '', c.limit || '', meaning(c), step(c), when(c.at, true), took(c.took)]);
  }

  function draw() {
    const d = app.devices.get(id), look = app.looks.get(id), all = JSON.stringify([d && d.checks, look && look.ts]), at = document.activeElement && document.activeElement.dataset.check;
    if (all === told) return;
    told = all;
    refill(rows, h('h2', {}, 'Checks'), cells().length ? h('div', { class: 'frame2', tabindex: 0, role: 'region', 'aria-label': 'Checks' }, h('table', {}, h('thead', {}, h('tr', {}, ['Check', 'Result', 'Measured', 'Limit', 'What it means', 'Next step', 'At', 'Took', 'Again'].map((t) => h('th', { scope: 'col' }, t)))),
      h('tbody', {}, cells().map((c) => h('tr', { class: c[1] === 'fail' ? 'wrong' : '' }, h('th', { scope: 'row' }, c[0]), c.slice(1).map((x) => h('td', {}, x)), h('td', {}, runs(c[0])))))))
      : h('p', {}, 'The store file names no check of this device.'));
    if (at && rows.querySelector(`[data-check="${CSS.escape(at)}"]`)) rows.querySelector(`[data-check="${CSS.escape(at)}"]`).focus();
    refill(found, h('h2', {}, 'Newest look'), look ? h('div', {}, h('p', { class: 'soft' }, 'by ', look.who, ', ', when(look.ts, true)), facts(look.d)) : h('p', {}, 'Nobody looked since you are here.'));
  }

  // runs is a button that carries out one check.
  function runs(check) {
    return h('button', { type: 'button', 'data-check': check, 'aria-label': `Run ${check}`, onclick: () => app.give('diagnose', id, { check }) }, 'Run');
  }

  function facts(d) {
    const o = d.observation || {}, list = [];
    if (d.error) list.push(['Not looked at', reason(d.error)]);
    for (const [k, v] of Object.entries(o)) if (!['device', 'at', 'packages', 'schema'].includes(k)) list.push([words(k), typeof v === 'object' ? JSON.stringify(v) : String(v)]);
    for (const [k, v] of Object.entries(o.packages || {})) list.push(['package ' + k, v]);
    return h('dl', { class: 'facts' }, list.map(([k, v]) => fact(k, v)));
  }

  const meaning = (c) => ({ pass: 'as it should be', fail: c.capability ? `the device does not count to ${c.capability}` : 'somebody has to look', warn: 'good still, but not for long', unknown: 'nobody can tell: look at the device', not_applicable: 'not of this device' })[c.outcome] || '';

  const step = (c) => (['pass', 'not_applicable'].includes(c.outcome) ? '' : (c.steps || []).join(' ') || 'Diagnose it; then its log.');

  async function copy() {
    const d = app.devices.get(id), text = (x) => (x instanceof Element ? x.textContent : x);
    const out = [`**${id}** in store ${app.line.hello.store}, ${new Date().toISOString()}`, '', `State: ${words(d.state)} ${reason(d.reason)}`, '', '| check | result | measured | limit | means | next step | at | took |', '|---|---|---|---|---|---|---|---|',
      ...cells().map((c) => '| ' + c.map((x) => text(x).replaceAll('|', '\\|')).join(' | ') + ' |')];
    const look = app.looks.get(id);
    if (look) out.push('', '```json', JSON.stringify(look.d, null, 1), '```');
    try {
      await navigator.clipboard.writeText(out.join('\n'));
      app.say('Copied as Markdown.');
    } catch {
      app.say('The browser does not let this page copy.');
    }
  }
  draw();
  return { panel, draw };
}

// took shortens a length of time as the box writes it: 51.76678ms.
const took = (t) => String(t || '').replace(/(\d+)(?:\.\d+)?(ms|µs|s)$/, '$1 $2');

const told = ['patch.settled', 'patch.delayed', 'patch.retried', 'patch.taken_back', 'hold.set', 'hold.released', 'device.enrolled', 'device.taken', 'look.asked', 'restart.asked', 'restart.ended', 'terminal.opened', 'terminal.closed', 'device.silent', 'device.answered', 'check.ended'];

// history is what was decided about a device and by whom.
export function history(app, id) {
  const body = h('div'), more = h('button', { type: 'button', hidden: true, onclick: () => load(oldest) }, 'Older');
  let oldest = 0, all = [];
  async function load(before) {
    try {
      const got = await lines(`api/journal?device=${encodeURIComponent(id)}&limit=200${before ? '&before=' + before : ''}`);
      oldest = got.length ? got[0].seq : 0;
      all = [...all, ...got.filter((r) => told.includes(r.event.kind)).reverse()];
      more.hidden = got.length < 200;
      refill(body, table(all, false));
    } catch (e) {
      refill(body, 'The journal cannot be had: ' + e.message);
    }
  }
  load(0);
  return { panel: h('div', {}, h('h2', {}, 'History'), body, h('p', {}, more)) };
}
