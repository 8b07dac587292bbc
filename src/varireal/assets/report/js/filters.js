/* Which candidates match: one pass over the columns gives the pairs, the matches and the count behind every choice. */
varireal.filters = (() => {
  const { facts, cards, candidates, images, prompts, combos } = varireal.store;
  const { h, number } = varireal.dom;
  const FIELDS = [
    ["attribute", "Attribute", facts.attributes],
    ["arm", "Arm", facts.arms],
    ["outcome", "Outcome", facts.outcomes],
    ["class", "Class", facts.classes.map(([, name]) => name)],
    ["reason", "Reason", facts.reasons.map(([, label]) => label)],
  ];
  const state = { attribute: -1, arm: -1, outcome: -1, class: -1, reason: -1, text: "" };
  const controls = new Map();
  let changed = () => {};

  const textMatch = () => {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    const hit = (text) => words.every((word) => text.includes(word));
    return {
      prompt: Uint8Array.from(prompts, (prompt) => hit(prompt.join(" ").toLowerCase())),
      image: Uint8Array.from(images, (image) => hit(image.toLowerCase())),
    };
  };

  const apply = () => {
    const total = facts.count.cards;
    const pairs = new Int32Array(total);
    const hits = new Uint8Array(facts.count.candidates);
    const counts = Object.fromEntries(FIELDS.map(([name, , values]) => [name, new Int32Array(values.length)]));
    const text = textMatch();
    let pairCount = 0;
    let hitCount = 0;
    for (let card = 0; card < total; card += 1) {
      const end = cards.first[card] + cards.size[card];
      let any = false;
      for (let at = cards.first[card]; at < end; at += 1) {
        if (text && !text.prompt[candidates.prompt[at]] && !text.image[cards.image[card]]) continue;
        const value = {
          attribute: cards.attribute[card], arm: candidates.arm[at], outcome: candidates.outcome[at], class: cards.class[card],
        };
        const reasons = combos[candidates.combo[at]];
        const missed = [];
        for (const [name] of FIELDS) {
          if (state[name] < 0) continue;
          if (name === "reason" ? !reasons.includes(state.reason) : value[name] !== state[name]) missed.push(name);
        }
        /* A choice counts what it would leave if it were made: the candidates that only its own field keeps out. */
        if (missed.length < 2)
          for (const [name] of FIELDS) {
            if (missed.length && missed[0] !== name) continue;
            if (name === "reason") for (const reason of reasons) counts.reason[reason] += 1;
            else counts[name][value[name]] += 1;
          }
        if (missed.length) continue;
        hits[at] = 1;
        hitCount += 1;
        any = true;
      }
      if (any) pairs[pairCount++] = card;
    }
    return { pairs: pairs.slice(0, pairCount), hits, hitCount, counts };
  };

  const set = (values) => {
    Object.assign(state, values);
    changed();
  };
  const reset = () => set({ attribute: -1, arm: -1, outcome: -1, class: -1, reason: -1, text: "" });
  const active = () => state.text !== "" || FIELDS.some(([name]) => state[name] >= 0);

  const chips = (name, label, values) => {
    const buttons = values.map((value, i) =>
      h("button", {
        type: "button", class: "chip", "data-value": value, "data-arm": name === "arm" ? value : null,
        "aria-pressed": "false", on: { click: () => set({ [name]: state[name] === i ? -1 : i }) },
      }, h("span", {}, value), h("span", { class: "tally" })),
    );
    controls.set(name, (counts) =>
      buttons.forEach((button, i) => {
        button.setAttribute("aria-pressed", String(state[name] === i));
        button.lastChild.textContent = number.format(counts[i]);
        button.classList.toggle("none", counts[i] === 0);
      }),
    );
    return h("div", { class: "group", role: "group", "aria-label": label, "data-field": name }, h("span", { class: "label" }, label), buttons);
  };

  const menu = (name, label, values) => {
    const options = values.map((value, i) => h("option", { value: String(i) }, value));
    const select = h("select", { "data-field": name, on: { change: () => set({ [name]: Number(select.value) }) } },
      h("option", { value: "-1" }, "All"), options);
    controls.set(name, (counts) => {
      select.value = String(state[name]);
      select.classList.toggle("set", state[name] >= 0);
      options.forEach((option, i) => {
        option.textContent = `${values[i]}  (${number.format(counts[i])})`;
        option.hidden = counts[i] === 0 && state[name] !== i;
      });
    });
    return h("label", { class: "group" }, h("span", { class: "label" }, label), select);
  };

  const build = (onChange) => {
    changed = onChange;
    const fields = document.getElementById("filter-fields");
    for (const [name, label, values] of FIELDS) {
      if (!values.length) continue;
      const wide = name === "class" || name === "reason";
      fields.append((wide ? menu : chips)(name, label, values));
    }
    const search = document.getElementById("search");
    search.addEventListener("input", () => set({ text: search.value.trim() }));
    controls.set("text", () => {
      if (search.value.trim() !== state.text) search.value = state.text;
    });
    document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("reset").addEventListener("click", reset);
    const toggle = document.getElementById("filters-toggle");
    toggle.addEventListener("click", () => {
      const open = toggle.getAttribute("aria-expanded") !== "true";
      toggle.setAttribute("aria-expanded", String(open));
    });
  };

  const show = (counts) => {
    for (const [name, update] of controls) update(counts[name]);
    document.getElementById("reset").hidden = !active();
    const chosen = FIELDS.filter(([name]) => state[name] >= 0).length;
    document.getElementById("filters-toggle").textContent = chosen ? `Filters (${chosen})` : "Filters";
  };

  /* Filters in the address: names, not numbers, so that a link survives a new run. */
  const IDS = {
    attribute: facts.attributes, arm: facts.arms, outcome: facts.outcomes,
    class: facts.classes.map(([id]) => id), reason: facts.reasons.map(([code]) => code),
  };
  const write = (parameters) => {
    for (const [name] of FIELDS) if (state[name] >= 0) parameters.set(name, IDS[name][state[name]]);
    if (state.text) parameters.set("text", state.text);
  };
  const read = (parameters) => {
    for (const [name] of FIELDS) state[name] = parameters.has(name) ? IDS[name].indexOf(parameters.get(name)) : -1;
    state.text = parameters.get("text") || "";
  };
  const choose = (values) => {
    reset();
    const found = Object.entries(values).map(([name, value]) => [name, IDS[name].indexOf(value)]);
    set(Object.fromEntries(found));
    return found.every(([, i]) => i >= 0);
  };

  return { state, apply, build, show, reset, read, write, choose };
})();
