// What the admin's own pages lack for people who use a keyboard or a screen reader: names, focus, and a way out.
(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // Boxes made by select2 and by the filter for long lists come without names.
  const nameBoxes = () => {
    for (const box of all(".select2-selection")) {
      const select = box.closest(".select2-container")?.previousElementSibling;
      const label = select?.labels?.[0]?.innerText.replace("*", "").trim() || select?.getAttribute("aria-label");
      if (!label || box.getAttribute("aria-label") === label) continue;
      box.setAttribute("aria-label", label);
      box.removeAttribute("aria-labelledby");
      // What was chosen is read as the text of the box.
      for (const name of ["role", "aria-readonly"]) box.querySelector(".select2-selection__rendered")?.removeAttribute(name);
    }
    for (const hint of all("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
  };

  // What can only be clicked becomes a button: Tab comes to it, Enter and the space bar press it.
  const NAMES = { more_horiz: "More actions", close: "Close", dock_to_right: "Menu" };
  const makeButtons = () => {
    for (const one of all("a[x-on\\:click]:not([href]), span[x-on\\:click], div[x-on\\:click]")) {
      if (one.matches("[role], [tabindex]")) continue;
      one.setAttribute("role", "button");
      one.setAttribute("tabindex", "0");
      const icon = one.innerText.trim();
      if (NAMES[icon]) one.setAttribute("aria-label", NAMES[icon]);
      one.addEventListener("keydown", (event) => {
        if (event.target !== one || !["Enter", " "].includes(event.key)) return;
        event.preventDefault();
        one.click();
      });
    }
  };

  // A wide table scrolls inside its frame, with the arrow keys too.
  const makeScrollable = () => {
    for (const frame of all(":is(.home-scroll, pre.overflow-x-auto):not([tabindex])")) {
      frame.setAttribute("tabindex", "0");
      frame.setAttribute("role", "group");
      frame.setAttribute("aria-label", frame.querySelector("caption")?.innerText || (frame.matches("pre") ? "Text" : "Table"));
    }
  };

  const mend = () => {
    nameBoxes();
    makeScrollable();
    makeButtons();
  };
  // After the scripts that make these boxes, which also wait for the page to be loaded.
  window.addEventListener("load", () => setTimeout(mend));
  document.addEventListener("formset:added", () => setTimeout(mend));

  // A dialog takes the focus, keeps it, and gives it back.
  const STOPS = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']";
  let opener = null;
  const stopsOf = (dialog) => [...dialog.querySelectorAll(STOPS)].filter((one) => one.offsetParent && !one.disabled);
  const isOpen = (dialog) => dialog && dialog.offsetParent !== null;

  document.addEventListener("htmx:afterSettle", (event) => {
    mend();
    const dialog = document.getElementById("modal-content");
    if (event.detail.target !== dialog) return;
    opener = document.activeElement;
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    const title = dialog.querySelector("h1");
    if (title) dialog.setAttribute("aria-label", title.innerText.trim());
    // Once it is shown. The first field, or else the button that does it.
    setTimeout(() => (dialog.querySelector("#dialog-form :is(input:not([type=hidden]), select, textarea)")
      || dialog.querySelector("button[type=submit]"))?.focus(), 50);
  });
  document.addEventListener("keydown", (event) => {
    const dialog = document.getElementById("modal-content");
    if (!isOpen(dialog)) return;
    if (event.key === "Escape") setTimeout(() => opener?.focus());
    if (event.key !== "Tab") return;
    const stops = stopsOf(dialog), first = stops[0], last = stops[stops.length - 1];
    if (!dialog.contains(document.activeElement)) {
      event.preventDefault();
      first?.focus();
    } else if (document.activeElement === (event.shiftKey ? first : last)) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  });
})();
