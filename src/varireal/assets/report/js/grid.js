/* The list of cards, of which only the blocks near the window exist as elements. */
varireal.grid = (() => {
  const BLOCK = 12; /* fills whole rows for 1, 2, 3, 4 and 6 columns */
  const root = document.getElementById("grid");
  const { store, cards, dom } = varireal;
  let pairs = new Int32Array(0);
  let hits = null;
  let open = () => {};
  let blocks = [];
  let cardHeight = 0;

  const columns = () => Number(getComputedStyle(root).getPropertyValue("--columns")) || 1;

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const block = blocks[Number(entry.target.dataset.block)];
      if (!block || block.node !== entry.target) continue;
      block.near = entry.isIntersecting;
      if (block.near) fill(block);
      else clear(block);
    }
  }, { rootMargin: "900px 0px" });

  const reserve = (block) => {
    const rows = Math.ceil(block.count / columns());
    block.node.style.minHeight = `${block.height || rows * (cardHeight || 430)}px`;
  };

  const failure = (error) =>
    dom.h("p", { class: "notice" }, `${error.message} could not be read. Keep the folder “data” beside this page.`);

  const fill = (block) => {
    block.filled ||= (async () => {
      const numbers = pairs.subarray(block.start, block.start + block.count);
      const needed = [...new Set(Array.from(numbers, (number) => store.cards.page[number]))];
      const pages = new Map();
      try {
        await Promise.all(needed.map(async (page) => pages.set(page, await store.load("page", page))));
      } catch (error) {
        block.node.replaceChildren(failure(error));
        return;
      }
      if (!block.near || blocks[block.number] !== block) {
        block.filled = null;
        return;
      }
      block.node.replaceChildren(...Array.from(numbers, (number, i) =>
        cards.build(store.card(number, pages.get(store.cards.page[number])), block.start + i, hits, open)));
      block.node.style.minHeight = "";
      if (!cardHeight) {
        cardHeight = block.node.firstChild.offsetHeight + parseFloat(getComputedStyle(block.node).rowGap || "0");
        blocks.filter((other) => !other.filled).forEach(reserve);
      }
    })();
    return block.filled;
  };

  const clear = (block) => {
    if (!block.filled || block.node.contains(document.activeElement)) return;
    block.height = block.node.offsetHeight;
    block.node.style.minHeight = `${block.height}px`;
    block.node.replaceChildren();
    block.filled = null;
  };

  const show = (result, onOpen) => {
    ({ pairs, hits } = result);
    open = onOpen;
    observer.disconnect();
    blocks = Array.from({ length: Math.ceil(pairs.length / BLOCK) }, (_, number) => {
      const start = number * BLOCK;
      const node = dom.h("div", { class: "block", "data-block": number });
      return { number, start, count: Math.min(BLOCK, pairs.length - start), node, filled: null, near: false, height: 0 };
    });
    blocks.forEach(reserve);
    root.replaceChildren(...blocks.map((block) => block.node));
    blocks.forEach((block) => observer.observe(block.node));
    document.getElementById("nothing").hidden = pairs.length > 0;
  };

  /* Bring a card into view and give it the focus. */
  const focus = async (at) => {
    const block = blocks[Math.floor(at / BLOCK)];
    if (!block) return;
    block.near = true;
    if (!block.filled) block.node.scrollIntoView({ block: "nearest" });
    await fill(block);
    const node = block.node.children[at - block.start];
    node?.scrollIntoView({ block: "center" });
    node?.focus({ preventScroll: true });
  };

  /* The first card that is wholly in view: where the reader is. */
  const top = () => {
    for (const node of root.querySelectorAll(".card")) {
      const box = node.getBoundingClientRect();
      if (box.top >= 0 || box.bottom > innerHeight / 2) return Number(node.dataset.at);
    }
    return -1;
  };

  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; /* phones report a resize when their toolbar hides */
    width = innerWidth;
    cardHeight = 0;
    for (const block of blocks) {
      block.height = 0;
      if (!block.filled) reserve(block);
    }
  });

  return { show, focus, top, get pairs() { return pairs; }, get hits() { return hits; } };
})();
