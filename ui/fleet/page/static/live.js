// Numbers follow the board through /events. Tables are fetched anew when something in them changed.
const number = new Intl.NumberFormat('en-US');

export function follow(asOf, { walk, show }) {
  const bar = document.getElementById('stale'), broker = document.getElementById('broker'), lag = document.getElementById('lag');
  if (!asOf) return;
  let at = new Date(asOf), heard = Date.now(), open = false, due = false, busy = false, first = true;
  const pad = (n) => String(n).padStart(2, '0');
  const old = () => {
    const s = Math.round((Date.now() - heard) / 1000);
    if (open && s < 25) { if (bar.textContent) bar.textContent = ''; return; }
    if (s < 3) return;
    const ago = s < 60 ? s + ' s' : Math.floor(s / 60) + ' min';
    bar.textContent = `Numbers are from ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())} (${ago} ago). Reconnecting.`;
  };
  setInterval(old, 1000);

  const line = (l) => {
    broker.textContent = l.connected ? 'Broker connected' : 'Broker away';
    broker.toggleAttribute('data-bad', !l.connected);
    lag.hidden = l.connected && l.lag_s <= 10;
    lag.toggleAttribute('data-bad', !lag.hidden);
    lag.textContent = `Stored ${Math.round(l.lag_s)} s late`;
  };
  const put = (d) => {
    if (d.sentence) { const s = document.getElementById('sentence'); if (s) s.textContent = d.sentence; }
    for (const e of document.querySelectorAll('[data-n]')) {
      const n = d.counts?.[e.dataset.n];
      if (n !== undefined) e.textContent = number.format(n);
    }
    for (const [store, [bucket, text]] of Object.entries(d.cells ?? {})) walk.change(store, bucket, text);
  };
  // A part in which somebody works is left alone.
  const again = async () => {
    if (busy || !due || document.hidden || !document.querySelector('[data-live]')) return;
    busy = true; due = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const part of document.querySelectorAll('[data-live]')) {
        const now = page.getElementById(part.id);
        if (!now || part.contains(document.activeElement)) continue;
        const shut = [...part.querySelectorAll('details')].map((d) => d.open);
        part.replaceChildren(...now.childNodes);
        part.querySelectorAll('details').forEach((d, i) => { if (shut[i] !== undefined) d.open = shut[i]; });
        show(part);
      }
    } catch { due = true; } finally { busy = false; }
  };
  setInterval(again, 4000);

  const source = new EventSource('/events');
  source.onmessage = (e) => {
    const d = JSON.parse(e.data);
    open = true; heard = Date.now(); at = new Date(d.as_of);
    line(d.line);
    put(d);
    if (!first && (Object.keys(d.counts ?? {}).length || d.sentence)) due = true;
    first = false;
    old();
  };
  source.onerror = () => { open = false; first = false; due = true; };
  addEventListener('pagehide', () => source.close());
}
