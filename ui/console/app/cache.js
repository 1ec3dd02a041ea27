// The tab of what the store has of its catalog and of the artifacts that it needs.
import { h, refill, when, brief, reason } from './dom.js';
import { ask } from './net.js';

const every = 5000;

// size writes a number of bytes, as nightfill cache does.
function size(n) {
  for (const [of, name] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']]) if (n >= of) return (n / of).toFixed(1).replace(/\.0$/, '') + ' ' + name;
  return n + ' B';
}

const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];

export function cache(app) {
  const body = h('div', {}, 'Asking the box …');
  let told = '', timer = 0, over = false;
  async function load() {
    clearTimeout(timer);
    try {
      const c = JSON.parse(await ask('api/cache')), { now, ...rest } = c, text = JSON.stringify(rest);
      if (text !== told) show(c);
      told = text;
    } catch (e) {
      told = '';
      refill(body, 'The depot cannot be shown: ' + e.message);
    }
    if (!over) timer = setTimeout(load, every);
  }
  function show(c) {
    const cat = c.catalog, bad = c.artifacts.filter((a) => a.reason), tonight = c.artifacts.filter((a) => a.tonight), there = tonight.filter((a) => a.state === 'cached');
    refill(body, h('dl', { class: 'facts' },
      fact('Catalog', cat.version ? [`version ${cat.version} of `, when(cat.issued), `, ${brief(new Date(c.now) - new Date(cat.issued))} old`] : 'none'),
      cat.version > 0 && fact('Good', 'until ', when(cat.until), ' unless it is refreshed', cat.until_role && ` (then the signature of ${cat.until_role} ends)`),
      cat.reason && fact('Why not', h('span', { class: 'wrong' }, reason(cat.reason))),
      fact('From', cat.url || 'USB stick'),
      fact('Room', `${size(c.used)} of ${size(c.quota)} used, ${size(c.needed)} needed, ${size(c.free)} free on the disk`),
      c.problem && fact('Problem', h('span', { class: 'wrong' }, c.problem))),
    h('h2', {}, !c.night ? 'No night is in sight' : tonight.length ? `Night of ${c.night}: ${there.length} of ${tonight.length} artifacts are in the store` : `Night of ${c.night}: nothing is needed`),
    bad.length > 0 && h('ul', {}, bad.map((a) => h('li', {}, h('strong', {}, a.name), ': ', reason(a.reason)))),
    c.artifacts.length ? h('div', { class: 'frame2', tabindex: 0, role: 'region', 'aria-label': 'Artifacts' }, h('table', {}, h('thead', {}, h('tr', {}, ['Artifact', 'State', 'For', 'Size', 'Cached', 'Verified', 'SHA-256', 'Patches'].map((t) => h('th', { scope: 'col' }, t)))),
      h('tbody', {}, c.artifacts.map((a) => h('tr', { class: a.state === 'cached' ? '' : 'wrong' }, h('th', { scope: 'row' }, a.name), h('td', {}, (a.state === 'cached' ? '✓ ' : '✕ ') + a.state, a.state === 'partly' && `, ${size(a.bytes)}`),
        h('td', {}, (a.tonight ? 'the night' : 'later') + (a.pinned ? ', pinned' : '')), h('td', {}, size(a.size)), h('td', {}, when(a.cached_at)), h('td', {}, when(a.verified_at)),
        h('td', {}, h('code', { title: a.sha256 }, a.sha256.slice(0, 12))), h('td', {}, a.patches.join(', '))))))) : h('p', {}, 'No artifact is needed.'),
    h('p', { class: 'soft' }, 'Without a line the catalog comes by USB stick. On the box: ', h('code', {}, 'nightfill catalog import DIR')));
  }
  load();
  return { panel: body, close: () => { over = true; clearTimeout(timer); } };
}
