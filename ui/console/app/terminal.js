// The terminal of a device. The box owns it: this page looks at it, and it goes on without the page.
import { h, refill, when, setting } from './dom.js';
import { finder } from './find.js';
import { PlainView } from './plain.js';

let last = 0; // the number of the newest channel; each look has its own

export function terminal(app, id) {
  const panel = h('div', { class: 'terminal' }), head = h('div'), screen = h('div', { class: 'screen', hidden: true }), said = h('p', { role: 'status', class: 'soft' });
  const end = h('button', { type: 'button', class: 'severe', onclick: () => send('term.end') }, 'End session');
  const reader = h('input', { type: 'checkbox', checked: setting('reader') === 'yes', onchange: () => { setting('reader', reader.checked ? 'yes' : 'no'); if (view) view.options.screenReaderMode = reader.checked; } });
  const ctrl = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => { hold(ctrl.getAttribute('aria-pressed') !== 'true'); view.focus(); } }, 'Ctrl');
  const tools = h('div');
  const open = h('button', { type: 'button', class: 'main', onclick: () => app.give('shell', id) }, 'Open a terminal');
  let starting = false, view = null, fit = null, n = 0, at = -1, shown = '', closed = false, acked = 0, resizing = null, find = null, over = '';

  const send = (t, more) => app.line.send({ t, n, ...more });
  const hand = (d) => (d && d.by_hand ? JSON.stringify(d.by_hand) : '');
  const mine = (d) => d && d.by_hand && d.by_hand.what === 'terminal.opened' && d.by_hand.actor === app.user.name;

  function bytes(text) {
    const body = new TextEncoder().encode(text);
    for (let i = 0; i < body.length; i += 8192) {
      const part = new Uint8Array(Math.min(8192, body.length - i) + 1);
      part[0] = n;
      part.set(body.subarray(i, i + 8192), 1);
      if (app.line.ws && app.line.ws.readyState === WebSocket.OPEN) app.line.ws.send(part);
    }
  }

  async function start() {
    let xterm, addon;
    try {
      [xterm, addon] = await Promise.all([import('/console/vendor/xterm.mjs'), import('/console/vendor/addon-fit.mjs')]);
    } catch (e) {
      if (!closed) plainly(e);
      return;
    }
    if (closed) return;
    if (!document.getElementById('xterm-css')) document.head.append(h('link', { id: 'xterm-css', rel: 'stylesheet', href: '/console/vendor/xterm.css' }));
    view = new xterm.Terminal({ screenReaderMode: reader.checked, scrollback: 5000, fontSize: 14, fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace', theme: { background: '#101214', foreground: '#e4e6e8' } });
    fit = new addon.FitAddon();
    view.loadAddon(fit);
    screen.hidden = false;
    view.open(screen);
    view.attachCustomKeyEventHandler(key);
    view.onData(typed);
    find = finder(view);
    refill(tools, find.row);
    screen.addEventListener('paste', paste, true);
    fit.fit();
    view.onResize(({ cols, rows }) => send('term.size', { cols, rows }));
    resizing = new ResizeObserver(() => requestAnimationFrame(() => !closed && fit.fit()));
    resizing.observe(screen);
    app.terminal = view; // for who tests it
    attach();
    view.focus();
  }

  // plainly shows the same session in a form, where the real terminal does not load.
  function plainly(why) {
    view = app.terminal = new PlainView();
    view.onData(typed);
    screen.hidden = false;
    view.open(screen);
    refill(tools, h('p', { class: 'warn' }, `The terminal cannot be shown (${why.message}). One command at a time works; also on the box: nightfill shell ${id}`));
    attach();
    view.focus();
  }

  const hold = (on) => ctrl.setAttribute('aria-pressed', String(on));

  // typed sends what a person typed. After the button Ctrl, one key is typed with Ctrl.
  function typed(text) {
    if (ctrl.getAttribute('aria-pressed') === 'true' && /^[@-_a-z]$/.test(text)) text = String.fromCharCode(text.charCodeAt(0) & 31);
    hold(false);
    bytes(text);
  }

  // key keeps the ways out: Shift+Tab leaves, Ctrl+Shift+C copies, Ctrl+Shift+F finds.
  function key(e) {
    if (e.type !== 'keydown') return true;
    if (e.key === 'Tab' && e.shiftKey) {
      e.preventDefault();
      end.focus();
      return false;
    }
    if (e.ctrlKey && e.shiftKey && e.key.toLowerCase() === 'c') {
      e.preventDefault();
      navigator.clipboard.writeText(view.getSelection()).catch(() => {});
      return false;
    }
    if (e.ctrlKey && e.shiftKey && e.key.toLowerCase() === 'f') {
      e.preventDefault();
      find.focus();
      return false;
    }
    return true;
  }

  function paste(e) {
    const text = e.clipboardData && e.clipboardData.getData('text');
    if (text && text.trimEnd().includes('\n') && !confirm(`Paste ${text.split('\n').length} lines? Each runs as soon as it is pasted.`)) {
      e.preventDefault();
      e.stopPropagation();
    }
  }

  function attach() {
    n = last = (last % 250) + 1;
    acked = 0;
    app.line.send({ t: 'term.attach', n, dev: id, ...(at >= 0 ? { since: at } : {}), cols: view.cols, rows: view.rows });
  }

  // gone forgets the session. What is known of the device may still show it for a moment.
  function gone() {
    n = 0;
    at = -1;
    over = hand(app.devices.get(id));
    draw();
  }

  const take = {
    bytes: (data) => {
      if (data[0] !== n) return;
      const part = data.subarray(1);
      at += part.length;
      const upTo = at;
      view.write(part, () => { if (upTo - acked >= 16384 || upTo === at) { acked = upTo; send('term.ack', { at: upTo }); } });
    },
    'term.open': () => refill(said, 'Shift+Tab leaves the terminal. It goes on for 10 minutes without this page.'),
    'term.at': (f) => { at = f.at || 0; },
    'term.gap': (f) => view.write(`\r\n\x1b[7m-- ${(f.to || 0) - (f.from || 0)} bytes left out: slow connection --\x1b[0m\r\n`),
    'term.idle': (f) => refill(said, f.d && f.d.ends && !f.d.ends.startsWith('0001') ? ['Nothing was typed for long: it ends at ', when(f.d.ends, true), ' unless you type.'] : 'Shift+Tab leaves the terminal.'),
    'term.ended': (f) => {
      const d = f.d || {};
      refill(said, 'The terminal has ended' + (d.exit_code !== undefined ? ` with exit code ${d.exit_code}` : d.reason ? `: ${d.reason.text}` : '') + '. ', d.sha256 && `Its recording has the SHA-256 ${d.sha256}.`);
      gone();
    },
    'term.err': (f) => {
      refill(said, f.say);
      if (f.code === 'not_open') gone();
    },
  };
  const listen = Object.entries(take).map(([type, act]) => [type, (e) => view && (type === 'bytes' || e.detail.n === n) && act(e.detail)]);
  listen.push(['hello', () => { if (view && n && mine(app.devices.get(id))) attach(); }]);
  // A device is known to be in somebody's hand before his shell is open: who came too early comes again.
  listen.push(['act.ok', (e) => {
    if (e.detail.verb !== 'shell' || e.detail.dev !== id) return;
    over = shown = '';
    draw();
  }]);
  listen.push(['state', () => { if (n && app.line.state !== 'live') refill(said, 'Not connected. The terminal goes on in the box, and is here again when the line is.'); }]);
  for (const [type, f] of listen) app.line.addEventListener(type, f);

  const strip = h('div', { class: 'row strip', role: 'group', 'aria-label': 'Keys' }, ctrl, [['Esc', '\x1b'], ['Tab', '\t'], ['Ctrl-C', '\x03'], ['Ctrl-D', '\x04'], ['↑', '\x1b[A'], ['↓', '\x1b[B'], ['←', '\x1b[D'], ['→', '\x1b[C']].map(([label, k]) =>
    h('button', { type: 'button', 'aria-label': label, onclick: () => { hold(false); bytes(k); view.focus(); } }, label)));

  function draw() {
    const d = app.devices.get(id), is = mine(d) ? 'mine' : d && d.by_hand ? 'other' : 'none', why = hand(d);
    if (shown === is + why + !!n) return;
    shown = is + why + !!n;
    end.hidden = strip.hidden = tools.hidden = is !== 'mine';
    if (is === 'mine') {
      refill(head, h('p', { class: 'warn' }, `${app.user.name} on ${id}, since `, when(d.by_hand.since, true), `: ${d.by_hand.why}. Recorded: what it shows is kept, what you type is not.`));
      if (!view && !starting) { starting = true; start(); }
      else if (view && !n && why !== over) { view.reset(); screen.hidden = false; attach(); view.focus(); }
    } else if (is === 'other') {
      refill(head, h('p', {}, `${d.by_hand.actor} ${d.by_hand.what === 'restart.asked' ? 'is restarting it' : 'works on it in a terminal'} since `, when(d.by_hand.since), `: ${d.by_hand.why}`));
    } else {
      refill(head, h('p', {}, 'A terminal is recorded, keeps the night off the device, and goes on for 10 minutes when you lose the line. Look at the diagnostics first.'), h('p', {}, open));
    }
  }
  refill(panel, head, screen, h('div', { class: 'row' }, end, h('label', {}, reader, ' for a screen reader (full-screen programs stay unreadable)')), strip, tools, said);
  draw();
  return {
    panel, draw, focus: () => (view ? view.focus() : open.focus()),
    close: () => {
      closed = true;
      if (n) send('term.detach');
      for (const [type, f] of listen) app.line.removeEventListener(type, f);
      if (resizing) resizing.disconnect();
      if (view) view.dispose();
    },
  };
}
