// Stores are chosen in the grid and in the table; what is chosen is one set, and the bar at the bottom says
// what may be done with it. Without this script the table and the bar are a form that does the same.
import { lasso } from './lasso.js';

const number = new Intl.NumberFormat('en-US');

export function picks(form, grid) {
  if (!form) return;
  const chosen = new Set(), said = document.getElementById('chosen'), none = document.getElementById('unpick'), all = document.getElementById('pickall');
  const boxes = new Map([...document.querySelectorAll('input[name=store][form=picks]')].map((b) => [b.value, b]));
  const ids = Object.assign(document.createElement('input'), { type: 'hidden', name: 'all' });
  form.append(ids);
  none.hidden = false;
  all?.removeAttribute('name'); // its value is for who has no script
  const put = (id, on) => {
    if (on) chosen.add(id); else chosen.delete(id);
    const box = boxes.get(id);
    if (box) box.checked = on;
    grid.mark(id, on);
  };
  const told = () => {
    const n = chosen.size, here = [...boxes.keys()].filter((id) => chosen.has(id)).length;
    form.toggleAttribute('data-on', n > 0);
    said.textContent = n === 1 ? '1 store chosen' : number.format(n) + ' stores chosen';
    ids.value = [...chosen].join('/');
    if (all) { all.checked = here > 0 && here === boxes.size; all.indeterminate = here > 0 && !all.checked; }
  };
  const set = (want) => {
    for (const id of [...chosen]) if (!want.has(id)) put(id, false);
    for (const id of want) if (!chosen.has(id)) put(id, true);
    told();
  };
  const toggle = (id) => { put(id, !chosen.has(id)); told(); };

  document.addEventListener('change', (e) => {
    const b = e.target;
    if (b === all) { for (const id of boxes.keys()) put(id, b.checked); told(); }
    else if (boxes.get(b.value) === b) { put(b.value, b.checked); told(); }
  });
  none.addEventListener('click', () => set(new Set()));
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && chosen.size && !document.querySelector('dialog[open]') && !e.target.matches?.('input:not([type=checkbox]), select')) set(new Set());
  });
  if (grid.area) cells(grid, { chosen, set, toggle });
  for (const [id, b] of boxes) if (b.checked) put(id, true); // as the browser remembers the form
  told();
  ask(form);
}

// A range goes from where one was before to where one is, beside what was chosen until then.
function cells(grid, { chosen, set, toggle }) {
  const { area } = grid;
  let anchor = null, base = new Set();
  const from = (a) => { anchor = a; base = new Set(chosen); };
  const upTo = (a) => {
    const list = grid.cells, i = list.indexOf(anchor), k = list.indexOf(a);
    set(new Set([...base, ...list.slice(Math.min(i, k), Math.max(i, k) + 1).map(grid.id)]));
  };
  const moves = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'];
  area.addEventListener('keydown', (e) => {
    if (!moves.includes(e.key)) return;
    if (!e.shiftKey) anchor = null;
    else if (!anchor) from(grid.at());
  }, true); // before the focus moves
  area.addEventListener('keydown', (e) => {
    if (e.key === ' ') { e.preventDefault(); toggle(grid.id(grid.at())); from(grid.at()); }
    else if (e.key === 'a' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); set(new Set(grid.cells.map(grid.id))); }
    else if (e.shiftKey && moves.includes(e.key)) upTo(grid.at());
  });
  const drag = lasso(grid, chosen, set);
  area.addEventListener('click', (e) => {
    const a = e.target.closest('a');
    if (drag.ended()) { e.preventDefault(); return; }
    if (!a || !e.detail) return;
    if (e.shiftKey) { e.preventDefault(); if (!anchor) from(grid.at()); upTo(a); grid.go(a); }
    else if (e.ctrlKey || e.metaKey || e.pointerType === 'touch' && chosen.size) { e.preventDefault(); toggle(grid.id(a)); from(a); grid.go(a); }
  });
}

// What is asked before something is done, and what came of it, are pages of their own: here they open above this one.
function ask(form) {
  const box = document.createElement('dialog'), close = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Close' });
  let busy = false;
  box.className = 'card';
  box.setAttribute('aria-labelledby', 'asked');
  close.addEventListener('click', () => box.close());
  document.body.append(box);
  const show = (...nodes) => {
    box.replaceChildren(...nodes, close);
    const head = box.querySelector('h1');
    if (head) { head.id = 'asked'; head.tabIndex = -1; }
    if (!box.open) box.showModal();
    (box.querySelector('input:not([type=hidden])') ?? box.querySelector('button.main') ?? head ?? close).focus();
  };
  const send = async (e) => {
    const verb = e.submitter?.value;
    if (verb === 'list' || verb === 'csv') return;
    e.preventDefault();
    if (busy) return;
    busy = true;
    const body = new URLSearchParams(new FormData(e.target));
    if (verb) body.append('verb', verb);
    try {
      const answer = await fetch(form.action, { method: 'POST', body });
      if (answer.redirected) { location.assign(answer.url); return; }
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      show(...page.querySelector('main').children[0].childNodes);
    } catch {
      const head = Object.assign(document.createElement('h1'), { textContent: 'Headquarters does not answer. Whether it was done is not known: look at the audit.' });
      show(head);
    } finally { busy = false; }
  };
  form.addEventListener('submit', send);
  box.addEventListener('submit', send);
}
