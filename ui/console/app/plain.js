// A terminal of one line, for a browser that cannot load the real one: a command goes in, what the shell
// shows comes out as text. The session is the same, and recorded alike.
import { h } from './dom.js';

const kept = 200000; // characters
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][0-9A-Za-z]|[@-Z\\^_=>78c])/g;

export class PlainView {
  constructor() {
    this.cols = 100;
    this.rows = 30;
    this.options = {};
    this.reset();
    this.out = h('pre', { class: 'plain', role: 'log', 'aria-label': 'What the shell shows', tabindex: 0 });
    this.field = h('input', { autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' });
    this.form = h('form', { class: 'row', onsubmit: (e) => this.run(e) }, h('label', {}, 'Command ', this.field), h('button', { type: 'submit' }, 'Run'));
  }

  reset() {
    this.text = this.rest = '';
    this.decoder = new TextDecoder();
  }

  open(into) { into.append(this.out, this.form); }
  onData(send) { this.typed = send; }
  focus() { this.field.focus(); }
  dispose() { this.out.remove(); this.form.remove(); }

  run(e) {
    e.preventDefault();
    this.typed(this.field.value + '\r');
    this.field.value = '';
  }

  // write shows what can be shown as text. The beginning of an escape waits for its end.
  write(part, done) {
    const all = (this.rest + (typeof part === 'string' ? part : this.decoder.decode(part, { stream: true }))).replace(escapes, '');
    const open = all.lastIndexOf('\x1b'), end = open >= 0 && all.length - open < 200 ? open : all.length;
    this.rest = all.slice(end);
    this.text = (this.text + all.slice(0, end)).replace(/\r+\n/g, '\n').replace(/[^\n]\x08/g, '').replace(/[\x00-\x07\x0b-\x0c\x0e-\x1f]/g, '').slice(-kept);
    const atEnd = this.out.scrollHeight - this.out.scrollTop - this.out.clientHeight < 40;
    this.out.textContent = this.text;
    if (atEnd) this.out.scrollTop = this.out.scrollHeight;
    if (done) done();
  }
}
