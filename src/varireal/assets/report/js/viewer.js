/* One pair, large: flip, mask, difference, zoom, by keys or buttons. */
varireal.viewer = (() => {
  const { store, cards, grid, dom } = varireal;
  const { h, number } = dom;
  const root = document.getElementById("viewer");
  const FLOOR = 8;
  const state = { at: -1, arm: -1, view: "edit", mask: false, zoom: false };
  let card = null;
  let chosen = new Map();
  let detail = null;
  let moved = () => {};
  let turn = 0;

  const button = (label, key, handler, id) =>
    h("button", { type: "button", id, class: "plain", "aria-pressed": "false", on: { click: handler } }, label, h("kbd", {}, key));
  const controls = {
    original: button("Original", "space", () => flip()),
    mask: button("Mask", "m", () => toggleMask()),
    diff: button("Difference", "d", () => difference()),
    zoom: button("Zoom", "z", () => zoom()),
  };
  const armButtons = cards.arms.map(({ name, i }, place) => {
    const node = button(name, String(place + 1), () => single(i));
    node.dataset.arm = name;
    return [i, node];
  });
  const heading = h("h2", {});
  const position = h("p", { class: "position number" });
  const live = h("p", { class: "visually-hidden", "aria-live": "polite" });
  const stage = h("div", { class: "stage" });
  const panel = h("div", { class: "panel" });
  root.append(
    h("header", {}, h("div", { class: "headline" }, heading, position),
      h("div", { class: "steps" },
        h("button", { type: "button", class: "plain", "aria-label": "Previous pair", on: { click: () => step(-1) } }, "Previous", h("kbd", {}, "k")),
        h("button", { type: "button", class: "plain", "aria-label": "Next pair", on: { click: () => step(1) } }, "Next", h("kbd", {}, "j")),
        h("button", { type: "button", class: "plain", id: "viewer-close", on: { click: () => root.close() } }, "Close", h("kbd", {}, "esc")))),
    h("div", { class: "controls", role: "toolbar", "aria-label": "View" }, Object.values(controls), h("span", { class: "gap" }), armButtons.map(([, node]) => node)),
    stage, panel, live);

  const pixels = async (source, width, height) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = h("canvas", { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  };

  /* Largest difference of the three channels, grey on black, square-root scale: a leak of ten levels can be seen. What
     is below the floor is left black, because the compression of the pictures does as much around an edit. */
  const drawDifference = async (canvas, original, edit) => {
    const probe = new Image();
    probe.src = original;
    await probe.decode();
    const [width, height] = [probe.naturalWidth, probe.naturalHeight];
    const [a, b] = await Promise.all([pixels(original, width, height), pixels(edit, width, height)]);
    for (let i = 0; i < a.data.length; i += 4) {
      const most = Math.max(...[0, 1, 2].map((c) => Math.abs(a.data[i + c] - b.data[i + c])));
      const level = most > FLOOR ? Math.sqrt(most * 255) : 0;
      a.data[i] = a.data[i + 1] = a.data[i + 2] = level;
    }
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(a, 0, 0);
    canvas.dataset.ready = "true";
  };

  const sources = (attempt) => ({
    original: detail?.photos[card.photoSlot] || card.photo.thumbnail,
    edit: attempt && (detail?.cards[store.cards.slot[card.number]][attempt.slot] || attempt.picture),
  });

  const pane = (attempt, arm) => {
    const { original, edit } = sources(attempt);
    const { photo } = card;
    const name = store.facts.arms[arm];
    const view = state.view === "diff" && !edit ? "edit" : state.view;
    const frame = h("div", { class: "frame" });
    if (view === "diff") {
      const canvas = h("canvas", { class: "difference", role: "img", "aria-label": `Difference map, ${cards.describe(card, attempt)}` });
      frame.append(canvas);
      drawDifference(canvas, original, edit).catch(() => canvas.replaceWith(h("span", { class: "empty" }, "The pictures could not be compared")));
    } else if (view === "edit" && !edit) {
      frame.append(h("span", { class: "empty" }, attempt ? "Not made" : "No candidate"));
    } else {
      const alt = view === "original" ? `${card.className}, original photo` : cards.describe(card, attempt);
      frame.append(h("img", { src: view === "original" ? original : edit, alt, width: photo.width, height: photo.height, draggable: "false" }));
    }
    /* An edit that moved, covered or replaced the object has an outline of its own. */
    const path = (view !== "original" && attempt?.path) || photo.path;
    if (state.mask && path) frame.append(dom.outline(path));
    const caption = view === "original" ? "original" : view === "diff" ? `difference of more than ${FLOOR} levels` : attempt ? attempt.prompt.name : "";
    const [wide, high] = [photo.width, photo.height];
    frame.style.setProperty("--ratio", `${wide} / ${high}`);
    return h("figure", { class: "pane", "data-arm": name, "data-view": view },
      h("figcaption", {}, h("span", { class: "label" }, name), h("span", { class: "what" }, caption)), frame);
  };

  const panelFor = () => {
    const shown = cards.arms.map(({ i }) => [i, chosen.get(i)]);
    return [
      ...shown.map(([i, attempt]) => {
        const name = store.facts.arms[i];
        if (!attempt) return h("section", { class: "side", "data-arm": name }, h("p", { class: "label" }, name), h("p", {}, "No candidate"));
        const attempts = card.attempts.filter((other) => other.arm === i);
        return h("section", { class: "side", "data-arm": name }, h("p", { class: "label" }, name),
          h("p", { class: "prompt" }, h("strong", {}, attempt.prompt.name), attempt.prompt.description ? h("span", {}, attempt.prompt.description) : null),
          cards.verdict(attempt), cards.reasons(attempt).filter(({ detail }) => detail).map(({ detail }) => h("p", { class: "note" }, detail)),
          cards.rounds(attempts, attempt, (other) => {
            chosen.set(i, other);
            draw();
          }));
      }),
      cards.receipt(card, shown.map(([, attempt]) => attempt)),
      card.photo.maskStatus === "ok" ? null : h("p", { class: "note" }, `Mask: ${card.photo.maskReason || card.photo.maskStatus}`),
    ].filter(Boolean);
  };

  const draw = () => {
    heading.replaceChildren(h("span", {}, card.className), h("span", { class: "label" }, card.attribute), h("span", { class: "id" }, card.image));
    position.textContent = `${number.format(state.at + 1)} of ${number.format(grid.pairs.length)}`;
    const arms = cards.arms.filter(({ i }) => state.arm < 0 || i === state.arm);
    stage.replaceChildren(...arms.map(({ i }) => pane(chosen.get(i), i)));
    stage.dataset.panes = arms.length;
    stage.toggleAttribute("data-sharp", detail !== null);
    stage.classList.toggle("zoomed", state.zoom);
    panel.replaceChildren(...panelFor());
    controls.original.setAttribute("aria-pressed", String(state.view === "original"));
    controls.diff.setAttribute("aria-pressed", String(state.view === "diff"));
    controls.mask.setAttribute("aria-pressed", String(state.mask));
    controls.zoom.setAttribute("aria-pressed", String(state.zoom));
    for (const [i, node] of armButtons) node.setAttribute("aria-pressed", String(state.arm === i));
    const view = { edit: "edits", original: "original", diff: "difference map" }[state.view];
    live.textContent = `${cards.name(card)}: ${view}${state.mask ? ", mask shown" : ""}`;
  };

  const show = async (at) => {
    const mine = (turn += 1);
    const pair = grid.pairs[at];
    const page = store.cards.page[pair];
    try {
      const payload = await store.load("page", page);
      if (mine !== turn) return;
      Object.assign(state, { at });
      card = store.card(pair, payload);
      chosen = new Map(cards.arms.map(({ i }) => [i, cards.shown(card, i, grid.hits)]));
      detail = store.loaded.detail.has(page) ? await store.load("detail", page) : null;
      if (mine !== turn) return;
      if (!root.open) {
        root.showModal();
        root.focus();
      }
      draw();
      moved(store.key(pair));
      if (detail) return;
      detail = await store.load("detail", page);
      if (mine === turn && root.open) draw();
    } catch (error) {
      if (mine !== turn) return;
      if (!root.open) root.showModal();
      stage.replaceChildren(h("p", { class: "notice" }, `${error.message} could not be read. Keep the folder “data” beside this page.`));
    }
  };

  const step = (by) => {
    const at = state.at + by;
    if (at >= 0 && at < grid.pairs.length) show(at);
  };
  const flip = () => { state.view = state.view === "original" ? "edit" : "original"; draw(); };
  const difference = () => { state.view = state.view === "diff" ? "edit" : "diff"; draw(); };
  const toggleMask = () => { state.mask = !state.mask; draw(); };
  const single = (arm) => { state.arm = state.arm === arm ? -1 : arm; draw(); };
  const zoom = () => { state.zoom = !state.zoom; stage.classList.toggle("zoomed", state.zoom); controls.zoom.setAttribute("aria-pressed", String(state.zoom)); };

  /* All panes look at the same place of the picture. */
  const look = (event) => {
    const frame = event.target.closest(".frame");
    if (!frame) return;
    const box = frame.getBoundingClientRect();
    stage.style.setProperty("--x", `${(100 * (event.clientX - box.left)) / box.width}%`);
    stage.style.setProperty("--y", `${(100 * (event.clientY - box.top)) / box.height}%`);
  };
  stage.addEventListener("pointermove", look);
  stage.addEventListener("click", (event) => {
    if (!event.target.closest(".frame")) return;
    look(event);
    zoom();
  });

  const keys = {
    j: () => step(1), ArrowRight: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1), ArrowUp: () => step(-1),
    " ": flip, m: toggleMask, d: difference, z: zoom,
  };
  cards.arms.forEach(({ i }, place) => { keys[String(place + 1)] = () => single(i); });
  root.addEventListener("keydown", (event) => {
    const handler = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!handler || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    handler();
  });
  root.addEventListener("close", () => {
    turn += 1;
    moved("");
    grid.focus(state.at);
  });

  const open = (at, arm = -1) => {
    Object.assign(state, { view: "edit", zoom: false });
    if (matchMedia("(max-width: 700px)").matches && arm >= 0) state.arm = arm;
    return show(at);
  };
  return { open, onMove: (handler) => { moved = handler; } };
})();
