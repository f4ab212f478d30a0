// The console without this script works by links and forms; with it, open pages follow what changes elsewhere.
"use strict";
(() => {
  const status = document.querySelector("[data-status]");
  const changed = document.querySelector("[data-changed]");
  const focused = document.querySelector("[data-focus]");
  if (focused) focused.focus();

  // The account menu closes at Escape and when something else is clicked.
  const menu = document.querySelector("details.account");
  if (menu) {
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); }
    });
  }

  // Fields of namespaces offer some that fit; a cluster can have thousands.
  let typing = null;
  const suggest = async (field) => {
    try {
      const answer = await fetch(`${field.dataset.suggest}?q=${encodeURIComponent(field.value)}`, { headers: { "X-Entryway-Background": "1" }, credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (field.list) field.list.replaceChildren(...page.querySelectorAll("option"));
    } catch { /* What is typed counts all the same. */ }
  };
  for (const event of ["focusin", "input"]) {
    document.addEventListener(event, ({ target }) => {
      if (!target.matches || !target.matches("input[data-suggest]")) return;
      clearTimeout(typing);
      typing = setTimeout(() => suggest(target), 150);
    });
  }

  const where = document.body.dataset.live;
  if (!where || !window.EventSource) return;
  let source = null, running = false, again = false, missed = false;

  const open = () => {
    source = new EventSource(where);
    source.addEventListener("changed", refresh);
    // Whatever happened while nobody listened is looked at once.
    source.addEventListener("ready", () => {
      // Of a form nobody knows that something changed; what did is shown when it is sent.
      if (missed && !isBusy()) refresh();
      missed = false;
    });
    source.addEventListener("error", () => { missed = true; });
  };
  const close = () => { if (source) source.close(); source = null; missed = true; };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else if (!source) open(); });

  // Whether a person is in the middle of something that a new page would take away.
  const isBusy = () => document.querySelector("#content [data-form], #content form.stack, #content details[open]") !== null
    || (document.activeElement && document.activeElement.matches("#content input, #content select, #content textarea"));

  const refresh = async () => {
    if (running) { again = true; return; }
    if (isBusy()) { changed.hidden = false; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Entryway-Background": "1" }, credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#content"), old = document.querySelector("#content");
      if (fresh && old && !isBusy()) {
        const active = document.activeElement;
        const place = active && old.contains(active) ? active.getAttribute("href") : null;
        old.replaceWith(fresh);
        if (place) {
          const same = [...fresh.querySelectorAll("a")].find((link) => link.getAttribute("href") === place);
          if (same) same.focus();
        }
        if (status) status.textContent = "The page was updated.";
      }
    } catch { missed = true; } finally {
      running = false;
      renew();
      if (again) { again = false; refresh(); }
    }
  };
  // What is still being found out is asked for again, a little later each time.
  let pause = 250, next = null;
  const renew = () => {
    clearTimeout(next);
    if (!document.querySelector("#content [data-renew]")) { pause = 250; return; }
    next = setTimeout(() => { if (document.hidden || isBusy()) renew(); else refresh(); }, pause);
    pause = Math.min(pause * 1.5, 4000);
  };
  renew();
  if (!document.hidden) open();
})();
