// Copies, saves and prints the recovery codes of the page. Without it they can still be written down.
(() => {
  "use strict";
  const list = document.querySelector("[data-codes]");
  const text = [...list.querySelectorAll("li")].map((code) => code.textContent.trim()).join("\n") + "\n";
  const acts = {
    async copy(button) {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = button.dataset.done;
      } catch {
        getSelection().selectAllChildren(list); // no permission, or no https: they can be copied by hand
      }
    },
    keep() {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      link.download = list.dataset.codes;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    },
    print() {
      window.print();
    },
  };
  for (const button of document.querySelectorAll("[data-code-act]")) {
    button.hidden = false;
    button.addEventListener("click", () => acts[button.dataset.codeAct](button));
  }
})();
