/* One card per pair: original, mask, and the two arms with their prompts, outcomes and rounds. */
varireal.cards = (() => {
  const { facts } = varireal.store;
  const { h, outline, cutout, value, plural } = varireal.dom;
  const OUTCOMES = { accepted: "Accepted", rejected: "Not accepted", failed: "Not made" };

  /* Feasible first whatever the sort order of the candidates is. */
  const arms = facts.arms.map((name, i) => ({ name, i })).sort((a, b) => (a.name < b.name ? -1 : 1));

  const reasonOf = (attempt, i) => {
    const [, label, sentence] = facts.reasons[attempt.codes[i]];
    const text = attempt.reasons.find((reason) => reason.split(":")[0].trim() === facts.reasons[attempt.codes[i]][0]) || "";
    const colon = text.indexOf(":");
    return { label, sentence, detail: colon < 0 ? "" : text.slice(colon + 1).trim() };
  };
  const reasons = (attempt) => attempt.codes.map((_, i) => reasonOf(attempt, i));

  /* The attempt of an arm that is shown: the last that matches the filters, else the last. */
  const shown = (card, arm, hits) => {
    const attempts = card.attempts.filter((attempt) => attempt.arm === arm);
    return attempts.findLast((attempt) => hits && hits[attempt.at]) || attempts.at(-1) || null;
  };

  const name = (card) => `${card.className}, ${card.attribute}, photo ${card.image}`;
  const describe = (card, attempt) =>
    `${card.className} with ${attempt.prompt.name} (${facts.arms[attempt.arm]} ${card.attribute})`;

  const badge = (attempt) => h("span", { class: "badge", "data-outcome": attempt.outcome }, OUTCOMES[attempt.outcome] || attempt.outcome);

  const verdict = (attempt) =>
    h("p", { class: "verdict" }, badge(attempt),
      reasons(attempt).map(({ sentence, detail }) => h("span", { class: "why", title: detail || null }, sentence)));

  const empty = (text) => h("span", { class: "empty" }, text);
  const picture = (source, alt, width, height) =>
    h("img", { src: source, alt, width, height, decoding: "async", draggable: "false" });

  const tile = (label, content, { arm = null, open, hint }) =>
    h("button", { type: "button", class: "tile", "data-arm": arm, "aria-label": hint, on: { click: open } },
      h("span", { class: "frame" }, content));

  const rounds = (attempts, current, choose) =>
    attempts.length < 2 ? null : h("div", { class: "rounds", role: "group", "aria-label": "Rounds" }, h("span", { class: "label" }, "rounds"), attempts.map((attempt) => {
      const labels = reasons(attempt).map(({ label }) => label).join(", ");
      const word = attempt.outcome === "accepted" ? "accepted" : labels || attempt.outcome;
      return h("button", {
        type: "button", class: "round", "data-outcome": attempt.outcome, "aria-pressed": String(attempt === current),
        title: `Round ${attempt.round} ${attempt.outcome}${labels ? `: ${labels}` : ""}`, on: { click: () => choose(attempt) },
      }, h("span", { class: "visually-hidden" }, "round "), String(attempt.round), h("span", { class: "word" }, ` ${word}`));
    }));

  const armColumn = (card, arm, current, open, replace) => {
    const label = facts.arms[arm];
    if (!current)
      return h("div", { class: "column arm", "data-arm": label },
        h("p", { class: "label" }, label), h("span", { class: "tile" }, h("span", { class: "frame" }, empty("No candidate"))));
    const content = current.picture
      ? picture(current.picture, describe(card, current), card.photo.width, card.photo.height)
      : empty("Not made");
    const attempts = card.attempts.filter((attempt) => attempt.arm === arm);
    return h("div", { class: "column arm", "data-arm": label, "data-outcome": current.outcome },
      h("p", { class: "label" }, label),
      tile(label, content, { arm: label, open: () => open(arm), hint: `Open ${describe(card, current)}` }),
      h("p", { class: "prompt", title: current.prompt.description || null }, h("strong", {}, current.prompt.name),
        current.prompt.description ? h("span", {}, current.prompt.description) : null),
      verdict(current), rounds(attempts, current, replace));
  };

  const receipt = (card, chosen) => {
    const made = chosen.filter(Boolean);
    const rows = card.measures
      .map((measure, i) => [measure, made.map((attempt) => attempt.values[i])])
      .filter(([, values]) => values.some((one) => one !== null && one !== undefined));
    const head = h("tr", {}, h("th", { scope: "col" }, "Measure"),
      made.map((attempt) => h("th", { scope: "col", class: "number", "data-arm": facts.arms[attempt.arm] }, facts.arms[attempt.arm])));
    const line = (label, values) => h("tr", {}, h("th", { scope: "row" }, label), values.map((text) => h("td", { class: "number" }, text)));
    /* Both arms of a pair share their seed: long numbers are then written once, over both columns. */
    const seeds = [...new Set(made.map((attempt) => attempt.seed))];
    const seedLine = line("seed", seeds);
    if (seeds.length === 1) seedLine.lastChild.setAttribute("colspan", made.length);
    return h("table", { class: "receipt" }, h("thead", {}, head), h("tbody", {},
      rows.map(([measure, values]) => line(measure.replaceAll("_", " "), values.map(value))),
      line("round", made.map((attempt) => String(attempt.round))),
      seedLine,
      line("editor", made.map((attempt) => attempt.backend))));
  };

  const originalColumn = (card, open) =>
    h("div", { class: "column" }, h("p", { class: "label" }, "original"),
      tile("original", picture(card.photo.thumbnail, `${card.className}, original photo`, card.photo.width, card.photo.height),
        { open: () => open(-1), hint: `Open ${name(card)}` }),
      h("p", { class: "note" }, card.split));

  const maskColumn = (card, open) => {
    const { photo } = card;
    const ok = photo.maskStatus === "ok";
    const content = photo.path
      ? [picture(photo.thumbnail, `Mask of ${card.className}`, photo.width, photo.height), cutout(photo.path)]
      : empty("No mask");
    return h("div", { class: "column" }, h("p", { class: "label" }, "mask"),
      tile("mask", content, { open: () => open(-1), hint: `Open ${name(card)} with its mask` }),
      ok ? null : h("p", { class: "note", title: photo.maskStatus }, photo.maskReason || photo.maskStatus.replaceAll("_", " ")));
  };

  /* Build a card; `at` is its place among the pairs that match, `open` opens the viewer. */
  const build = (card, at, hits, open) => {
    const chosen = new Map(arms.map(({ i }) => [i, shown(card, i, hits)]));
    const columns = h("div", { class: "columns-of-four" }, originalColumn(card, (arm) => open(at, arm)), maskColumn(card, (arm) => open(at, arm)));
    const details = h("details", {}, h("summary", {}, "Receipt"));
    const draw = () => {
      columns.querySelectorAll(".column.arm").forEach((node) => node.remove());
      for (const { i } of arms)
        columns.append(armColumn(card, i, chosen.get(i), (arm) => open(at, arm), (attempt) => {
          chosen.set(i, attempt);
          draw();
        }));
      details.querySelector("table")?.remove();
      if (details.open) fillReceipt();
    };
    const fillReceipt = () => details.append(receipt(card, arms.map(({ i }) => chosen.get(i))));
    details.addEventListener("toggle", () => {
      details.querySelector("table")?.remove();
      if (details.open) fillReceipt();
    });
    draw();
    return h("article", { class: "card", tabindex: "-1", "data-card": card.number, "data-at": at, "aria-label": name(card) },
      h("header", {}, h("h3", {}, card.className), h("span", { class: "label" }, card.attribute),
        h("span", { class: "id", title: card.image }, card.image), card.k ? h("span", { class: "id" }, `edit ${card.k + 1}`) : null),
      columns, details);
  };

  return { build, arms, shown, reasons, describe, name, badge, verdict, rounds, receipt, outline, plural };
})();
