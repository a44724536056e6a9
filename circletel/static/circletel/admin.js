// Names for what the admin's own scripts make without one, so that a screen reader can say them.
(() => {
  const nameSelects = () => {
    for (const box of document.querySelectorAll(".select2-selection")) {
      const select = box.closest(".select2-container")?.previousElementSibling;
      const label = select?.labels?.[0]?.innerText.replace("*", "").trim() || select?.getAttribute("aria-label");
      if (!label || box.getAttribute("aria-label") === label) continue;
      box.setAttribute("aria-label", label);
      box.removeAttribute("aria-labelledby");
      // What was chosen is read as the text of the box.
      box.querySelector(".select2-selection__rendered")?.removeAttribute("role");
    }
    for (const hint of document.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
  };
  // After the scripts that make these boxes, which also wait for the page to be loaded.
  window.addEventListener("load", () => setTimeout(nameSelects));
  document.addEventListener("formset:added", () => setTimeout(nameSelects));
})();
