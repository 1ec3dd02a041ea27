// Several devices at once: which are chosen, and one order given to each of them.
import { h, refill, put } from './dom.js';
import { why, tierOf, needsReason, needsNumber, send, ended, closing } from './act.js';

const failed = (d) => ['failed', 'rolled_back', 'rollback_failed'].includes(d.state);
const atOnce = 4; // orders under way

// Choice is the devices that are chosen in the list. visible returns their ids in the order of the list.
export class Choice {
  constructor(app, visible) {
    this.app = app;
    this.visible = visible;
    this.ids = new Set();
    this.last = ''; // where a range begins
    this.count = h('p', { role: 'status', class: 'count' });
    this.bar = h('div', { class: 'row', role: 'group', 'aria-label': 'Actions on the selected devices' });
    this.failed = h('button', { type: 'button', hidden: true, onclick: () => this.set([...app.devices.values()].filter(failed).map((d) => d.device)) });
    this.none = h('button', { type: 'button', hidden: true, onclick: () => this.set([]) }, 'Select none');
    this.panel = h('div', { class: 'choice' }, h('div', { class: 'row' }, this.failed, this.none), this.count, this.bar);
  }

  // box is the checkbox of a device.
  box(id) {
    const box = h('input', { type: 'checkbox', 'aria-label': 'Select ' + id, 'data-select': id });
    box.addEventListener('click', (e) => this.toggle(id, box.checked, e.shiftKey));
    return box;
  }

  // toggle chooses a device or not; with range all from the one that was touched last.
  toggle(id, on = !this.ids.has(id), range = false) {
    const all = this.visible(), from = all.indexOf(this.last), to = all.indexOf(id);
    const these = range && from >= 0 && to >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of these) this.ids[on ? 'add' : 'delete'](one);
    this.last = id;
    this.draw();
  }

  set(ids) {
    this.ids = new Set(ids);
    this.draw();
  }

  draw() {
    const { app, ids } = this;
    for (const id of ids) if (!app.devices.has(id)) ids.delete(id);
    for (const box of document.querySelectorAll('[data-select]')) box.checked = ids.has(box.dataset.select);
    const bad = [...app.devices.values()].filter(failed).length, said = ids.size ? `${ids.size} device${ids.size === 1 ? '' : 's'} selected` : '';
    refill(this.failed, `Select ${bad} failed`);
    this.failed.hidden = !bad || app.user.role === 'viewer';
    this.none.hidden = !ids.size;
    if (this.count.textContent !== said) refill(this.count, said);
    const verbs = ids.size ? app.verbs.filter((v) => v.many) : [];
    if (this.bar.childElementCount !== verbs.length) this.bar.replaceChildren(...verbs.map((v) => this.button(v)));
    for (const b of this.bar.children) b.draw();
  }

  // button gives a verb to those of the chosen of which it may be asked.
  button(v) {
    const b = h('button', { type: 'button', 'data-many': v.verb, class: v.tier });
    let no = '';
    b.addEventListener('click', () => (no ? this.app.say(no) : giveMany(this.app, v, [...this.ids])));
    b.draw = () => {
      const { may, not } = split(this.app, v, [...this.ids], '');
      no = may.length ? '' : `${v.label}: ${not.map((x) => `${x.dev}: ${x.no}`).join(' ')}`;
      b.textContent = named(v, may) || `${v.label} ${this.ids.size}`;
      b.title = no || v.effect;
      b.setAttribute('aria-disabled', String(!!no));
    };
    return b;
  }
}

// named is what a button says: Retry 3 failed.
const named = (v, may) => (may.length ? `${v.label} ${may.length}${may.every((x) => failed(x.doc)) ? ' failed' : ''}` : '');

// split says of which devices a verb may be asked, for a patch or any, and of which not and why.
function split(app, v, devs, patch) {
  const may = [], not = [];
  for (const dev of devs.sort()) {
    const doc = app.devices.get(dev), can = doc && doc.may[v.verb];
    let no = doc ? why(app, v, dev, can) : 'It is not in this store.';
    if (!no && patch && !(can.patches || []).includes(patch)) no = `${patch} is not one that it may be asked of.`;
    (no ? not : may).push({ dev, doc, no });
  }
  return { may, not };
}

// giveMany asks once and gives one order to each device, with the revision that was looked at.
async function giveMany(app, v, devs) {
  const trading = !!(app.store && app.store.trading), seen = new Map(devs.map((dev) => [dev, (app.devices.get(dev) || {}).rev]));
  const order = { verb: v.verb }, list = h('div'), fields = h('div'), read = [];
  let now = split(app, v, devs, '');
  const count = () => `${named(v, now.may) || v.label + ' 0'} device${now.may.length === 1 ? '' : 's'}`;
  const title = h('h2', { id: 'ask' }), go = h('button', { class: 'main', value: 'go' });
  const field = (label, input, into) => {
    put(fields, h('label', {}, label, ' ', input));
    read.push(() => { if (input.value.trim()) order[into] = input.value.trim(); });
  };
  function draw() {
    refill(title, count());
    refill(go, count());
    go.disabled = !now.may.length;
    refill(list, h('dl', {}, h('dt', {}, 'What it does'), h('dd', {}, v.effect), h('dt', {}, 'How long'), h('dd', {}, v.lasts), h('dt', {}, 'Affects'),
      h('dd', {}, now.may.map((x) => h('div', {}, h('strong', {}, x.dev), `, ${x.doc.state.replaceAll('_', ' ')}` + ((x.doc.capabilities || []).length ? `; it is needed to ${x.doc.capabilities.join(', ')}` : '')))),
      now.not.length > 0 && [h('dt', {}, 'Left out'), h('dd', {}, now.not.map((x) => h('div', {}, h('strong', {}, x.dev), ': ', x.no)))]));
  }
  if (v.patch) {
    const patches = [...new Set(now.may.flatMap((x) => x.doc.may[v.verb].patches || []))].sort();
    const pick = h('select', {}, v.verb === 'retry' && h('option', { value: '' }, 'every patch that can be'), patches.map((p) => h('option', { value: p }, p)));
    const judge = () => { now = split(app, v, devs, pick.value); draw(); };
    pick.addEventListener('change', judge);
    field('Patch', pick, 'patch');
    now = split(app, v, devs, pick.value);
  }
  if (v.until) field('Until (05:00, or 4h from now)', h('input', { required: true, value: '4h' }), 'until');
  if (tierOf(v, 'one') !== 'mild' || now.may.some((x) => needsReason(v, x.dev, trading))) field('Reason, for the next person who asks', h('input', { required: true, maxlength: 500, autocomplete: 'off' }), 'reason');
  if (now.may.some((x) => needsNumber(v, x.dev, trading))) {
    field(`Type the number of this store (${app.line.hello.store})`, h('input', { required: true, autocomplete: 'off', pattern: app.line.hello.store }), 'store');
  }
  draw();
  const dialog = h('dialog', { 'aria-labelledby': 'ask', class: 'order' }, h('form', { method: 'dialog' }, title,
    trading && h('p', { class: 'warn' }, 'The store may be serving customers now.'), list, fields, h('p', { class: 'row' }, closing(), go)));
  if (!(await ended(dialog))) return;
  for (const r of read) r();
  await sendAll(app, v, order, now, seen);
}

// sendAll gives the orders, a few at a time; each has its own line of what came of it.
async function sendAll(app, v, order, now, seen) {
  const waiting = [...now.may], came = [];
  app.past(true);
  const work = async () => {
    for (let x = waiting.shift(); x; x = waiting.shift()) came.push(await send(app, v, { ...order, dev: x.dev, if_rev: seen.get(x.dev) || 0 }));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const bad = came.filter((a) => a.t !== 'act.ok');
  app.say(`${v.label}: ${came.length - bad.length} of ${came.length} done` + (bad.length ? `; refused: ${bad.map((a) => `${a.dev}: ${a.say}`).join('; ')}` : '') +
    (now.not.length ? `; left out: ${now.not.map((x) => x.dev).join(', ')}` : ''));
}
