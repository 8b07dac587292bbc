/* Tabs, theme, keys and the address. */
(() => {
  const { store, filters, grid, viewer, funnel, dom } = varireal;
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const help = document.getElementById("help");
  let tab = tabs[0].dataset.tab;
  let at = "";

  /* The address keeps the place. In a frame the browser may refuse: then it is only not kept. An address
     of a whole page as data is never written: it is too long to be copied for every filter. */
  const writeAddress = () => {
    const parameters = new URLSearchParams();
    if (tab !== tabs[0].dataset.tab) parameters.set("tab", tab);
    filters.write(parameters);
    if (at) parameters.set("pair", at);
    const hash = `#${parameters}`;
    if (location.protocol === "data:" || hash === (location.hash || "#")) return;
    try {
      history.replaceState(null, "", hash);
    } catch {
      /* the place is not kept */
    }
  };

  const remember = {
    get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* not kept */ } },
  };

  const theme = document.getElementById("theme");
  const paint = (value) => {
    if (value) document.documentElement.dataset.theme = value;
    const dark = value ? value === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    theme.textContent = dark ? "Light" : "Dark";
    theme.setAttribute("aria-label", `Switch to ${dark ? "light" : "dark"} colours`);
    return dark;
  };
  let dark = paint(remember.get("varireal-theme"));
  theme.addEventListener("click", () => {
    const next = dark ? "light" : "dark";
    dark = paint(next);
    remember.set("varireal-theme", next);
  });

  const showTab = (name) => {
    tab = tabs.some((node) => node.dataset.tab === name) ? name : tabs[0].dataset.tab;
    for (const node of tabs) {
      const on = node.dataset.tab === tab;
      node.setAttribute("aria-selected", String(on));
      node.tabIndex = on ? 0 : -1;
      document.getElementById(`section-${node.dataset.tab}`).hidden = !on;
    }
    if (tab === "funnel") funnel.build(fromFunnel);
  };
  const openTab = (name) => {
    showTab(name);
    writeAddress();
  };
  tabs.forEach((node, i) => {
    node.addEventListener("click", () => openTab(node.dataset.tab));
    node.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.stopPropagation();
      const other = tabs[(i + by + tabs.length) % tabs.length];
      openTab(other.dataset.tab);
      other.focus();
    });
  });

  const refresh = () => {
    const result = filters.apply();
    filters.show(result.counts);
    grid.show(result, viewer.open);
    document.getElementById("count").textContent = `${dom.plural(result.pairs.length, "pair")}, ${dom.plural(result.hitCount, "candidate")}`;
  };
  const onFilter = () => {
    refresh();
    at = "";
    writeAddress();
    const bar = document.getElementById("filters");
    if (bar.getBoundingClientRect().top <= 0) document.getElementById("section-gallery").scrollIntoView({ block: "start" });
  };
  const fromFunnel = (values) => {
    openTab("gallery");
    filters.choose(values);
    document.getElementById("section-gallery").scrollIntoView({ block: "start" });
  };

  /* Where to step from: the card with the focus, else the first in view. */
  const here = () => {
    const card = document.activeElement?.closest?.(".card");
    return card ? Number(card.dataset.at) : null;
  };
  const step = (by) => {
    const current = here();
    const next = current === null ? Math.max(0, grid.top()) : current + by;
    if (next >= 0 && next < grid.pairs.length) grid.focus(next);
  };
  const search = () => {
    openTab("gallery");
    document.getElementById("search").focus();
  };
  const typing = (node) => node.matches?.("input, select, textarea");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.id === "search") event.target.blur();
    if (typing(event.target) || document.querySelector("#help[open]")) return;
    const open = document.querySelector("#viewer[open]");
    const keys = { "?": () => help.showModal(), f: search };
    if (!open && tab === "gallery")
      Object.assign(keys, { j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1) });
    if (!open && tab === "gallery" && event.target.matches?.(".card")) keys.Enter = () => viewer.open(here());
    if (open) keys.f = () => { document.getElementById("viewer").close(); search(); };
    const handler = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!handler) return;
    event.preventDefault();
    handler();
  });
  document.getElementById("help-open").addEventListener("click", () => help.showModal());

  viewer.onMove((key) => {
    at = key;
    writeAddress();
  });
  let waiting = 0;
  addEventListener("scroll", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (tab !== "gallery" || document.querySelector("dialog[open]") || scrollY < innerHeight / 2) return;
      const top = grid.top();
      if (top < 0) return;
      at = store.key(grid.pairs[top]);
      writeAddress();
    }, 250);
  }, { passive: true });

  const restore = async () => {
    const parameters = new URLSearchParams(location.hash.slice(1));
    filters.read(parameters);
    refresh();
    showTab(parameters.get("tab"));
    const place = parameters.has("pair") ? grid.pairs.indexOf(store.find(parameters.get("pair"))) : -1;
    if (place >= 0) await grid.focus(place);
  };

  const start = async () => {
    showTab(new URLSearchParams(location.hash.slice(1)).get("tab"));
    try {
      await store.loadIndex();
    } catch (error) {
      document.getElementById("count").textContent = "";
      document.getElementById("grid").append(dom.h("p", { class: "notice" },
        `The pictures are not here: ${error.message} could not be read. Keep the folder “data” beside this page.`));
      return;
    }
    filters.build(onFilter);
    await restore();
    addEventListener("hashchange", restore);
    document.documentElement.dataset.ready = "true";
  };
  start();
})();
