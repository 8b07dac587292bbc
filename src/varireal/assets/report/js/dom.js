"use strict";
/* Small helpers to build pages from text that is not to be trusted: only text nodes and attributes, never markup. */
const varireal = {};

varireal.dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  };

  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const number = new Intl.NumberFormat("en-US");
  const plural = (count, word) => `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;

  /* The outline of a mask over a picture: fitted by the same rule as object-fit: contain. */
  const outline = (path) =>
    svg(
      "svg",
      { class: "outline", viewBox: `0 0 ${path[0]} ${path[1]}`, "aria-hidden": "true" },
      svg("path", { class: "under", d: path[2] }),
      svg("path", { class: "over", d: path[2] }),
    );

  /* The same outline with everything outside it dimmed. */
  const cutout = (path) => {
    const node = outline(path);
    node.classList.add("cutout");
    node.prepend(svg("path", { class: "outside", d: `M0 0H${path[0]}V${path[1]}H0Z${path[2]}` }));
    return node;
  };

  const value = (measured) => {
    if (measured === null || measured === undefined) return "–";
    const size = Math.abs(measured);
    if (Number.isInteger(measured) && size < 1e6) return String(measured);
    if (size !== 0 && (size < 0.001 || size >= 1e6)) return measured.toExponential(1);
    return measured.toFixed(size >= 100 ? 1 : 3);
  };

  return { h, svg, number, plural, outline, cutout, value };
})();
