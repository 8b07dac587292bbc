/* What the page knows: facts from the document, columns from data/index-*.js, pictures from data/page-*.js on demand. */
varireal.store = (() => {
  const PAGES_KEPT = { page: 24, detail: 4 };
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const { cards: cardCount, candidates: candidateCount } = facts.count;
  const column = (length) => new Int32Array(length);

  const cards = { class: column(cardCount), image: column(cardCount), attribute: column(cardCount), k: column(cardCount) };
  Object.assign(cards, { page: column(cardCount), size: column(cardCount), first: column(cardCount), slot: column(cardCount) });
  const candidates = { arm: column(candidateCount), round: column(candidateCount), outcome: column(candidateCount) };
  Object.assign(candidates, { combo: column(candidateCount), prompt: column(candidateCount) });
  const images = [];
  const prompts = [];
  const combos = [];

  const waiting = new Map();
  const loaded = { page: new Map(), detail: new Map() };

  const settle = (kind) => (number, payload) => {
    const entry = waiting.get(`${kind}-${number}`);
    if (entry) entry.payload = payload;
  };
  for (const kind of ["index", "page", "detail", "counts"]) varireal[kind] = settle(kind);

  const fileName = (kind, number) => `${kind}-${String(number).padStart(5, "0")}`;

  /* A copy in one file holds its data as blocks; large pictures may be left out of it. */
  const read = (kind, number) => {
    if (!facts.copy) return inject(kind, number);
    const block = document.getElementById(fileName(kind, number));
    return { payload: block && JSON.parse(block.textContent), script: null };
  };

  const inject = (kind, number) => {
    const key = `${kind}-${number}`;
    if (waiting.has(key)) return waiting.get(key).promise;
    const entry = { payload: null };
    const script = document.createElement("script");
    const name = `data/${fileName(kind, number)}.js`;
    entry.promise = new Promise((resolve, reject) => {
      script.onload = () => (entry.payload ? resolve({ payload: entry.payload, script }) : reject(new Error(name)));
      script.onerror = () => reject(new Error(name));
    }).catch((error) => {
      script.remove();
      throw error;
    }).finally(() => waiting.delete(key));
    waiting.set(key, entry);
    script.src = name;
    document.head.append(script);
    return entry.promise;
  };

  /* Pictures: the pages used last stay in memory, older ones are let go and read again when they are needed. */
  const load = async (kind, number) => {
    const held = loaded[kind];
    let entry = held.get(number);
    if (entry) {
      held.delete(number);
      held.set(number, entry);
      return entry.payload;
    }
    entry = await read(kind, number);
    held.set(number, entry);
    for (const [old, { script }] of held) {
      if (held.size <= PAGES_KEPT[kind]) break;
      script?.remove();
      held.delete(old);
    }
    return entry.payload;
  };

  const loadIndex = async () => {
    let card = 0;
    let candidate = 0;
    for (let chunk = 0; chunk < facts.count.chunks; chunk += 1) {
      const { payload, script } = await read("index", chunk);
      script?.remove();
      for (const [target, table] of [[images, payload.images], [prompts, payload.prompts], [combos, payload.combos]])
        for (const item of table) target.push(item);
      for (const name of Object.keys(payload.cards)) cards[name].set(payload.cards[name], card);
      for (const name of Object.keys(payload.candidates)) candidates[name].set(payload.candidates[name], candidate);
      card += payload.cards.page.length;
      candidate += payload.candidates.arm.length;
    }
    let first = 0;
    for (let i = 0; i < cardCount; i += 1) {
      cards.first[i] = first;
      first += cards.size[i];
      cards.slot[i] = i > 0 && cards.page[i] === cards.page[i - 1] ? cards.slot[i - 1] + 1 : 0;
    }
  };

  /* Counts by class: in the page, or in a file of their own where they are many; null in a copy that lacks them. */
  const loadCounts = async () => facts.funnel ?? (await read("counts", 0)).payload?.rows ?? null;

  /* Everything about one card, put together from the index and its page. */
  const card = (number, page) => {
    const row = page.cards[cards.slot[number]];
    const [thumbnail, width, height, path, split, maskStatus, maskReason] = page.photos[row[0]];
    const [classId, className] = facts.classes[cards.class[number]];
    const attempts = row.slice(1).map(([id, seed, backend, picture, reasons, values, path], i) => {
      const at = cards.first[number] + i;
      const [promptId, name, description] = prompts[candidates.prompt[at]];
      return {
        at, id, seed, backend, picture, reasons, values, path,
        arm: candidates.arm[at], round: candidates.round[at], outcome: facts.outcomes[candidates.outcome[at]],
        codes: combos[candidates.combo[at]], prompt: { id: promptId, name, description }, slot: i,
      };
    });
    return {
      number, attempts, classId, className, split, measures: page.measures, photoSlot: row[0],
      image: images[cards.image[number]], attribute: facts.attributes[cards.attribute[number]], k: cards.k[number],
      photo: { thumbnail, width, height, path, maskStatus, maskReason },
    };
  };

  const key = (number) =>
    [images[cards.image[number]], facts.attributes[cards.attribute[number]], cards.k[number]].map(encodeURIComponent).join("/");
  const find = (wanted) => {
    for (let number = 0; number < cardCount; number += 1) if (key(number) === wanted) return number;
    return -1;
  };

  return { facts, cards, candidates, images, prompts, combos, load, loadIndex, loadCounts, card, key, find, loaded };
})();
