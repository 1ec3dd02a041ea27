// Orders: which may be given, why not, and the form that asks for what an order needs.
import { h, put, refill, clock, reason } from './dom.js';
import { ask } from './net.js';

const more = { tech: 1, admin: 2, viewer: 0 };

// tierOf and what follows are the rules of the box, so that the form asks for what the box will want.
// The box judges again.
export const tierOf = (v, dev) => (dev === 'all' && v.tier === 'moderate' ? 'severe' : v.tier);
export const needsReason = (v, dev, trading) => tierOf(v, dev) !== 'mild' || (trading && dev !== '');
export const needsNumber = (v, dev, trading) => tierOf(v, dev) === 'severe' || (v.number && trading);

// why says why a verb cannot be asked now, and '' when it can.
export function why(app, v, dev, may) {
  const tier = tierOf(v, dev), role = more[app.user.role] || 0;
  if (role < (tier === 'severe' ? 2 : 1)) return `Your role, ${app.user.role}, may not do this.`;
  if (app.line.state !== 'live' && tier !== 'mild') return 'Not connected to the box: what is shown may be old.';
  if (may && may.no) return reason(may.no);
  return '';
}

// buttons fills a bar with the verbs of a device, or of the store, and keeps those that are there.
export function buttons(app, bar, verbs, dev, doc) {
  for (const v of verbs) {
    let b = bar.querySelector(`[data-verb=${v.verb}]`);
    if (!b) {
      b = h('button', { type: 'button', 'data-verb': v.verb, class: tierOf(v, dev) });
      b.addEventListener('click', () => b.getAttribute('aria-disabled') === 'true' ? app.say(b.dataset.why) : give(app, v, b.app));
      bar.append(b);
    }
    const may = doc && doc.may && doc.may[v.verb], no = why(app, v, dev, may);
    b.app = { dev, doc, may };
    b.textContent = v.label;
    b.setAttribute('aria-disabled', String(!!no));
    b.dataset.why = no ? `${v.label}: ${no}` : '';
    b.title = no || v.effect;
    b.setAttribute('aria-describedby', 'why-' + v.verb);
    let note = bar.querySelector('#why-' + v.verb);
    if (!note) bar.append(note = h('span', { id: 'why-' + v.verb, class: 'unseen' }));
    note.textContent = no || v.effect;
  }
}

// give sends an order: at once when it is mild and the store is closed, else after the form.
export async function give(app, v, on) {
  const trading = !!(app.store && app.store.trading), dev = on.dev, rev = on.doc && on.doc.rev && dev !== 'all' ? on.doc.rev : 0;
  const order = { verb: v.verb, dev, if_rev: rev };
  if (on.patch) order.patch = on.patch;
  if (on.check) order.check = on.check;
  if (needsReason(v, dev, trading) || v.until || v.key) {
    if (!(await form(app, v, on, order, trading))) return null;
  }
  return send(app, v, order);
}

export async function send(app, v, order) {
  app.say(`${v.label}${order.dev ? ' ' + order.dev : ''}: under way`);
  let a = await app.line.act(order);
  while (a.code === 'code_needed' || a.code === 'wrong_code') {
    const code = await askCode(a.say);
    if (!code) break;
    a = await app.line.act({ ...order, code });
  }
  app.result(a);
  if (a.t === 'act.ok' && a.d) app.found(v.verb, order.dev, a);
  return a;
}

// ended shows a dialog and waits for what it was closed with.
export function ended(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'go');
  }));
}

export const closing = () => h('button', { type: 'button', onclick: (e) => e.target.closest('dialog').close('') }, 'Cancel');

async function askCode(say) {
  const code = h('input', { inputmode: 'numeric', autocomplete: 'one-time-code', required: true });
  const dialog = h('dialog', { 'aria-labelledby': 'ask' }, h('form', { method: 'dialog' },
    h('h2', { id: 'ask' }, 'Code of your authenticator app'), h('p', {}, say), h('label', {}, 'Code ', code),
    h('p', { class: 'row' }, closing(), h('button', { class: 'main', value: 'go' }, 'Go on'))));
  return (await ended(dialog)) ? code.value.trim() : '';
}

// form asks for what an order needs, says what it does, and puts what was written into the order.
async function form(app, v, on, order, trading) {
  const { dev, doc } = on, fields = h('div'), error = h('p', { class: 'error', role: 'alert', hidden: true });
  const whole = dev === 'all' || dev === '', read = [];
  const field = (label, input, into) => {
    put(fields, h('label', {}, label, ' ', input));
    read.push(() => { order[into] = input.value.trim(); });
    return input;
  };
  if (v.patch && !on.patch && on.may && on.may.patches) {
    const all = v.verb === 'retry' ? [h('option', { value: '' }, 'every patch that can be')] : [];
    field('Patch', h('select', {}, all, on.may.patches.map((p) => h('option', { value: p }, p))), 'patch');
  }
  if (v.until) field('Until (05:00, or 4h from now)', h('input', { required: true, value: '4h' }), 'until');
  if (v.key && !(await keyField(dev, fields, order, error))) read.length = 0;
  if (needsReason(v, dev, trading)) field('Reason, for the next person who asks', h('input', { required: true, maxlength: 500, autocomplete: 'off' }), 'reason');
  if (needsNumber(v, dev, trading)) {
    field(`Type the number of this store (${app.line.hello.store})`, h('input', { required: true, autocomplete: 'off', pattern: app.line.hello.store }), 'store');
  }
  const dialog = h('dialog', { 'aria-labelledby': 'ask', class: 'order' }, h('form', { method: 'dialog' },
    h('h2', { id: 'ask' }, `${v.label} ${whole ? 'the whole store' : dev}`),
    trading && h('p', { class: 'warn' }, 'The store may be serving customers now.'),
    h('dl', {}, h('dt', {}, 'What it does'), h('dd', {}, v.effect), h('dt', {}, 'How long'), h('dd', {}, v.lasts),
      affected(doc, whole)),
    fields, error, h('p', { class: 'row' }, closing(), h('button', { class: 'main', value: 'go' }, v.label))));
  const go = await ended(dialog);
  for (const r of read) r();
  return go && (!v.key || !!order.key);
}

function affected(doc, whole) {
  if (whole || !doc) return [h('dt', {}, 'Affects'), h('dd', {}, 'every device of the store')];
  const can = (doc.capabilities || []).join(', ');
  return [h('dt', {}, 'Affects'), h('dd', {}, `${doc.device}, ${doc.state.replaceAll('_', ' ')}` + (can ? `; it is needed to ${can}` : ''))];
}

// keyField shows the key that a device offers, to be compared.
async function keyField(dev, fields, order, error) {
  try {
    const key = JSON.parse(await ask('api/host-key?device=' + encodeURIComponent(dev)));
    const stands = { none: 'no key is pinned yet', same: 'it is the one that is pinned', other: 'ANOTHER KEY IS PINNED: find out why before you go on' }[key.pinned];
    put(fields, h('p', {}, 'The device offers this key: ', h('strong', { class: 'secret' }, key.fingerprint), `; ${stands}. Compare it on the device itself.`));
    order.key = key.key;
    return true;
  } catch (e) {
    refill(error, e.message).hidden = false;
    return false;
  }
}

// resultLine says who did what, when, how it ended, and under which id.
export function resultLine(a) {
  return `${clock(a.ts, true)} · ${a.who} · ${a.verb} ${a.dev || ''} · ${a.t === 'act.ok' ? 'done' : 'refused'}: ${a.say} · ${a.id.slice(0, 8)}`;
}
