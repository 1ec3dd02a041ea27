// What a person does with what a terminal showed: find text in it, and take it along as text.
import { h, refill } from './dom.js';

// written is everything that a terminal still has, as text: lines that were only broken at the edge are whole again.
export function written(view) {
  const b = view.buffer.active, lines = [];
  for (let i = 0; i < b.length; i++) {
    const line = b.getLine(i), text = line.translateToString(!(i + 1 < b.length && b.getLine(i + 1).isWrapped));
    if (line.isWrapped && lines.length) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  while (lines.length && !lines.at(-1)) lines.pop();
  return lines.join('\n') + '\n';
}

// finder is the row of tools below a terminal, and how the keyboard gets there.
export function finder(view) {
  const said = h('span', { role: 'status', class: 'soft' });
  const field = h('input', { type: 'search', placeholder: 'Ctrl+Shift+F', 'aria-label': 'Find in the terminal' });
  let search = null, loading = null;

  // load fetches the search when somebody first wants it.
  function load() {
    loading = loading || import('/console/vendor/addon-search.mjs').then((m) => {
      search = new m.SearchAddon();
      view.loadAddon(search);
    });
    return loading;
  }

  async function find(back, incremental) {
    const text = field.value;
    try {
      await load();
    } catch (e) {
      loading = null;
      refill(said, 'The search cannot be had: ' + e.message);
      return;
    }
    if (!text) { view.clearSelection(); refill(said); return; }
    refill(said, (back ? search.findPrevious(text) : search.findNext(text, { incremental })) ? '' : 'Not found');
  }
  field.addEventListener('input', () => find(false, true));
  field.addEventListener('keydown', (e) => {
    if (e.key === 'Enter') find(e.shiftKey, false);
    else if (e.key === 'Escape') view.focus();
    else return;
    e.preventDefault();
  });

  async function copy() {
    const text = written(view);
    try {
      await navigator.clipboard.writeText(text);
      refill(said, `${text.split('\n').length - 1} lines are copied`);
    } catch (e) {
      refill(said, 'The browser does not let the page copy: ' + e.message);
    }
  }
  const row = h('div', { class: 'row', role: 'group', 'aria-label': 'What was shown' }, field,
    h('button', { type: 'button', onclick: () => find(true, false) }, 'Previous'), h('button', { type: 'button', onclick: () => find(false, false) }, 'Next'),
    h('button', { type: 'button', onclick: copy }, 'Copy session as text'), said);
  return { row, focus: () => field.focus() };
}
