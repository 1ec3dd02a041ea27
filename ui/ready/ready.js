(function () {
  var body = document.body, page = id('page'), say = id('say'), html = '', lost = false, last = now(), asking;
  function now() { return new Date().getTime(); }
  function id(name) { return document.getElementById(name); }
  function data(e, name) { return e.getAttribute('data-' + name); }
  function head(e) {
    document.title = data(e, 'title');
    id('icon').href = data(e, 'icon');
  }
  function tell() {
    say.setAttribute('role', page.firstChild.className === 'not_ready' ? 'alert' : 'status');
    say.textContent = id('word').textContent + '. ' + id('text').textContent;
  }
  function show(text) {
    var old = id('word').textContent, focus = document.activeElement.id, all = page.getElementsByTagName('details'), open = [], i;
    last = now();
    if (text === html && !lost) { return; }
    for (i = 0; i < all.length; i++) { open[i] = all[i].open; }
    page.innerHTML = html = text;
    for (i = 0; i < all.length; i++) { all[i].open = open[i]; }
    if (focus && id(focus)) { id(focus).focus(); }
    lost = false;
    head(page.firstChild);
    if (id('word').textContent !== old) { tell(); }
  }
  function lose() {
    var m = page.firstChild;
    lost = true;
    m.className = 'unknown lost';
    id('word').textContent = data(body, 'word');
    id('text').textContent = data(m, 'lost');
    id('shape').setAttribute('d', data(body, 'shape'));
    id('mark').setAttribute('d', data(body, 'mark'));
    id('lost').hidden = false;
    head(body);
    tell();
    ask();
  }
  function ask() {
    var x = new XMLHttpRequest();
    if (asking) { asking.abort(); }
    asking = x;
    x.open('GET', data(body, 'poll'));
    x.timeout = 8000;
    x.onload = function () {
      if (x.status === 200 && x.getResponseHeader('X-Ready')) { show(x.responseText); }
    };
    x.send();
  }
  setInterval(ask, 30000);
  setInterval(function () {
    var gap = now() - last;
    if (!lost && (gap > 90000 || gap < 0)) { lose(); }
  }, 2000);
}());
