// On paper a recording cannot be played: the stages are printed as text.
(() => {
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.stages:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
    closed = [];
  });
})();

// A recording is as light or dark as its chapter. A page that is a file cannot look into another one, so it
// is told.
(() => {
  const frames = [...document.querySelectorAll(".play iframe")];
  const root = document.documentElement;
  const tell = (frame) =>
    frame.contentWindow?.postMessage({ scheme: getComputedStyle(root).colorScheme }, "*");
  for (const frame of frames) frame.addEventListener("load", () => tell(frame));
  new MutationObserver(() => frames.forEach(tell)).observe(root, { attributeFilter: ["class"] });
})();
