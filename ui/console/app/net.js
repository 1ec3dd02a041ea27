// The line to the box: the protocol nightfill.console.v1, as REFERENCE.md describes it.

const deadAfter = 18000; // a box that is silent for this long is gone: it pings every 15 s
const hereEvery = 30000;

export class Line extends EventTarget {
  constructor() {
    super();
    this.state = 'connecting'; // live, reconnecting, offline
    this.seen = 0; // the last record of the journal
    this.stream = '';
    this.heard = Date.now();
    this.liveAt = null; // when it was last live
    this.tries = 0;
    this.again = 0; // when the next try is
    this.waiting = new Map(); // orders without an answer
    this.ticked = Date.now();
    setInterval(() => this.tick(), 1000);
    addEventListener('online', () => this.revive());
    addEventListener('offline', () => this.drop());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.tick());
    for (const what of ['keydown', 'pointerdown']) addEventListener(what, () => this.here(), { passive: true, capture: true });
    this.connect();
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  // connect opens a socket anew; the one before is forgotten, whatever it says of itself.
  connect() {
    this.again = 0;
    const ws = new WebSocket(`wss://${location.host}/console/ws`, 'nightfill.console.v1');
    ws.binaryType = 'arraybuffer';
    this.ws = ws;
    this.heard = Date.now();
    ws.onmessage = (m) => ws === this.ws && this.take(m.data);
    ws.onclose = () => ws === this.ws && this.drop();
    ws.onerror = () => {};
  }

  // tick notices a box that is silent, and a machine that slept: a socket may look open and be deaf.
  tick() {
    const now = Date.now(), slept = now - this.ticked > 20000;
    this.ticked = now;
    if (this.ws && (slept || now - this.heard > deadAfter)) this.drop(slept);
    else if (!this.ws && now >= this.again) this.connect();
    if (this.state !== 'live') this.tell('state');
  }

  revive() {
    this.tries = 0;
    this.drop(true);
  }

  drop(now) {
    const old = this.ws;
    this.ws = null;
    if (old) old.close();
    if (this.over) return;
    const most = Math.min(15000, 500 * 2 ** this.tries++);
    this.again = now ? 0 : Date.now() + most * (0.5 + Math.random() / 2);
    this.state = navigator.onLine ? 'reconnecting' : 'offline';
    if (this.tries > 3) this.state = 'offline';
    this.tell('state');
    if (now) this.connect();
  }

  send(frame) {
    if (this.ws && this.ws.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(frame));
  }

  here() {
    if (Date.now() - (this.wasHere || 0) < hereEvery) return;
    this.wasHere = Date.now();
    this.send({ t: 'here' });
  }

  take(data) {
    this.heard = Date.now();
    if (typeof data !== 'string') {
      this.tell('bytes', new Uint8Array(data));
      return;
    }
    const f = JSON.parse(data);
    switch (f.t) {
      case 'hello': this.greet(f); break;
      case 'ping': this.send({ t: 'pong' }); break;
      case 'ev': this.event(f); break;
      case 'gap':
        this.tell('gap', f);
        if (f.ch === 'log') this.seen = Math.max(this.seen, f.to);
        break;
      case 'act.ok': case 'act.err': {
        const done = this.waiting.get(f.id);
        this.waiting.delete(f.id);
        if (done) done.resolve(f);
        this.tell(f.t, f);
        break;
      }
      case 'bye':
        if (f.code === 'session_over') {
          this.over = true;
          location.reload(); // which shows the login, and comes back here
        }
        break;
      default: this.tell(f.t, f);
    }
  }

  greet(f) {
    if (f.stream !== this.stream) {
      if (this.stream) this.tell('anew');
      this.seen = 0;
    }
    this.stream = f.stream;
    this.hello = f;
    this.state = 'live';
    this.tries = 0;
    this.liveAt = new Date();
    this.tell('hello', f);
    for (const ch of ['store', 'ready', 'night', 'dev']) this.send({ t: 'sub', ch });
    this.send(this.seen ? { t: 'sub', ch: 'log', since: this.seen } : { t: 'sub', ch: 'log', last: 500 });
    for (const order of this.waiting.values()) this.send(order.frame); // done once, however often it is sent
    this.tell('state');
  }

  event(f) {
    if (f.ch === 'log') {
      if (f.seq <= this.seen) { // never, by the protocol: counted so that a test can tell
        this.doubled = (this.doubled || 0) + 1;
        return;
      }
      if (this.seen && f.seq !== this.seen + 1) this.lost = (this.lost || 0) + f.seq - this.seen - 1;
      this.seen = f.seq;
    }
    this.tell(f.ch, f);
  }

  // act gives an order, and returns its answer, also when the line is cut meanwhile.
  act(order) {
    const frame = { t: 'act', id: crypto.randomUUID(), ...order };
    return new Promise((resolve) => {
      this.waiting.set(frame.id, { frame, resolve });
      this.send(frame);
    });
  }
}

// ask gets an answer of the API. An error carries what is said to the person.
export async function ask(path) {
  const r = await fetch('/console/' + path, { headers: { Accept: 'application/json' } });
  if (r.status === 401) location.reload();
  const text = await r.text();
  if (!r.ok) {
    let say = text;
    try { say = JSON.parse(text).error.message; } catch { /* plain text */ }
    throw new Error(say || r.statusText);
  }
  return text;
}

export const lines = async (path) => (await ask(path)).split('\n').filter(Boolean).map((l) => JSON.parse(l));
