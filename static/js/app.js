// Messaging: small improvements on pages that work without them. No dependencies.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- pop-ups: the server sends <dialog open>; here it becomes modal, so that focus stays inside ---------------

  function firstFocus(root) {
    // A choice of one is no choice: with a single country one begins at the number.
    const fields = all("input:not([type=hidden], [type=radio], [disabled]), select:not([disabled])", root);
    return $("[aria-invalid=true]", root) || fields.find((field) => field.options?.length !== 1) || $("h1", root);
  }

  function upgradePopup(dialog) {
    if (!dialog.showModal) return;
    const show = () => {
      dialog.removeAttribute("open");
      dialog.showModal();
      firstFocus(dialog)?.focus();
    };
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") event.preventDefault();
    });
    dialog.addEventListener("close", show);
    show();
  }

  // --- forms: sent once; a page that comes back from the history is usable again --------------------------------

  function guardForm(form) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sentOnce) {
        event.preventDefault();
        return;
      }
      if (!navigator.onLine) {
        event.preventDefault();
        connection.lost();
        return;
      }
      form.dataset.sentOnce = "yes";
      const button = event.submitter;
      setTimeout(() => {
        if (event.defaultPrevented) return release(form);
        button?.classList.add("is-working");
        // Not disabled: what has the focus would lose it.
        all("button[type=submit]:not([disabled])", form).forEach((other) => other.setAttribute("aria-disabled", "true"));
      });
    });
  }

  function release(form) {
    delete form.dataset.sentOnce;
    all("[aria-disabled]", form).forEach((button) => button.removeAttribute("aria-disabled"));
    all(".is-working", form).forEach((button) => button.classList.remove("is-working"));
  }

  // --- captcha: unlocks the buttons of its form -----------------------------------------------------------------

  function captchaForm(form) {
    const buttons = all("[data-unlock]", form);
    const say = $("[data-captcha-say]", form);
    const word = (name) => $(`[data-captcha-word=${name}]`, form)?.textContent ?? "";
    const set = (done, message) => {
      if (!done && buttons.includes(document.activeElement)) $("input[type=checkbox]", form)?.focus();
      buttons.forEach((button) => (button.disabled = !done));
      if (say && message) say.textContent = message;
    };
    set(false);

    const widget = $("altcha-widget", form);
    if (widget) {
      workBox(widget, (state) => {
        set(state === "verified", { verified: word("done"), expired: word("expired") }[state]);
      });
    }

    if ($(".g-recaptcha", form)) {
      const missing = $("[data-captcha-missing]", form);
      // Where the operator has a second door, the button asks the server for it.
      const second = $("[data-captcha-second]", form);
      const failed = () => {
        set(Boolean(second));
        if (second ?? missing) (second ?? missing).hidden = false;
      };
      window.captchaDone = () => {
        if (missing) missing.hidden = true;
        set(true, word("done"));
      };
      window.captchaExpired = () => set(false, word("expired"));
      window.captchaFailed = failed;
      const check = () => setTimeout(() => window.grecaptcha || failed(), 4000);
      document.readyState === "complete" ? check() : window.addEventListener("load", check);
    }
  }

  // The self-hosted box: a tick starts a worker, and what it finds travels in the field "altcha".
  function workBox(widget, tell) {
    const challenge = JSON.parse(widget.getAttribute("challengejson"));
    const words = JSON.parse(widget.getAttribute("strings"));
    const row = $("[data-state]", widget);
    const box = $("input[type=checkbox]", widget);
    const label = $("[data-label]", widget);
    const field = $("input[type=hidden]", widget);
    const set = (state) => {
      row.dataset.state = state;
      label.textContent = words[state] ?? words.label;
      box.checked = state === "verifying" || state === "verified";
      if (state !== "verified") field.value = "";
      tell(state);
    };
    const solved = (number) => {
      const { algorithm, challenge: hash, salt, signature } = challenge;
      field.value = btoa(JSON.stringify({ algorithm, challenge: hash, number, salt, signature }));
      set("verified");
    };
    const work = () => {
      set("verifying");
      const worker = new Worker(widget.getAttribute("workerurl"));
      worker.onmessage = ({ data }) => (data === null ? set("error") : solved(data));
      worker.onerror = () => set("error");
      worker.postMessage(challenge);
    };
    box.disabled = false;
    box.checked = false;
    box.addEventListener("click", (event) => {
      if (row.dataset.state === "expired") return location.reload();
      if (row.dataset.state === "unverified" || row.dataset.state === "error") return work();
      event.preventDefault();
    });
    setTimeout(() => set("expired"), Number(widget.dataset.lifetime) * 1000);
  }

  // --- countdown: seconds come from the server; the browser's wall clock is never asked --------------------------

  const born = performance.getEntriesByType("navigation")[0]?.responseStart || performance.now();
  const sinceServed = () => (performance.now() - born) / 1000;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  function countdown(box) {
    const atLoad = Number(box.dataset.countdown);
    const digits = $("[data-digits]", box);
    const ring = $("[data-ring]", box);
    const lifetime = ring.getAttribute("pathLength");
    const say = $("[data-say]", box);
    const phases = all("[data-say-at]", box).map((node) => [Number(node.dataset.sayAt), node.textContent]);
    let spoken = Infinity;
    let timer = 0;

    function tick() {
      const left = Math.max(0, atLoad - sinceServed());
      const whole = Math.ceil(left);
      digits.textContent = clock(whole);
      ring.setAttribute("stroke-dasharray", `${left.toFixed(2)} ${lifetime}`);
      box.classList.toggle("countdown-low", whole > 0 && whole <= 30);
      const phase = phases.filter(([at]) => whole <= at).pop();
      if (phase && phase[0] < spoken) {
        const first = spoken === Infinity;
        spoken = phase[0];
        // Joining late says nothing untrue: "3 minutes" is spoken only near three minutes.
        if (!first || phase[0] - whole < 10) say.textContent = phase[1];
      }
      if (!whole) end();
    }

    function end() {
      clearInterval(timer);
      box.classList.add("countdown-over");
      const root = box.closest("dialog") || document;
      $("[data-main]", root)?.classList.add("secondary");
      $("[data-resend]", root)?.classList.remove("secondary");
    }

    timer = setInterval(tick, 250);
    setTimeout(tick, 100);
    document.addEventListener("visibilitychange", tick);
  }

  // The pause between two tokens: the server enforces it, the button only shows it.
  function waitToResend(button) {
    const label = $("[data-wait-left]", button);
    const tick = () => {
      const left = Math.ceil(Number(button.dataset.wait) - sinceServed());
      button.disabled = left > 0;
      label.textContent = left > 0 ? clock(left) : "";
      if (left > 0) setTimeout(tick, 500);
    };
    if (Number(button.dataset.wait) > 0) tick();
  }

  // --- fate: what became of the message, asked every two seconds until it is known -------------------------------

  function fate(node) {
    const text = $("[data-fate-text]", node);
    const until = performance.now() + 180000;
    let asking = new AbortController();
    async function ask() {
      // Not while a form is on its way: its answer may have ended what is asked about.
      if ($("[data-sent-once]")) return next();
      asking = new AbortController();
      let answer;
      try {
        answer = await fetch(node.dataset.fate, { headers: { Accept: "application/json" }, signal: asking.signal });
      } catch {
        if (!asking.signal.aborted) connection.lost(); // The next round asks again.
        return next();
      }
      connection.back();
      if (!answer.ok) return;
      const told = await answer.json();
      node.dataset.state = told.state;
      if (text.textContent !== told.text) text.textContent = told.text;
      next();
    }
    const next = () => {
      if (node.dataset.state === "going" && performance.now() < until) setTimeout(ask, 2000);
    };
    document.addEventListener("submit", (event) => event.defaultPrevented || asking.abort());
    next();
  }

  // --- token: digits only, however it was pasted; offered by the phone where the browser can ---------------------

  function tokenField(input) {
    const clean = (text) => text.replace(/\D/g, "").slice(0, 6);
    const stop = new AbortController();
    // Sent by itself when complete, once; after a refusal the person says when (WCAG 3.2.2).
    let mayGo = input.getAttribute("aria-invalid") !== "true";

    function take(text) {
      if (text !== input.value) input.value = text;
      if (text.length < 6 || !mayGo) return;
      if (!navigator.onLine) return connection.lost();
      mayGo = false;
      const say = $("[data-say]", input.form);
      if (say) say.textContent = $("[data-say-sending]", input.form).textContent;
      input.form.requestSubmit($("[data-main]", input.form));
    }

    input.addEventListener("paste", (event) => {
      const text = clean(event.clipboardData?.getData("text") ?? "");
      if (!text) return;
      event.preventDefault();
      take(text);
    });
    input.addEventListener("input", (event) => event.isComposing || take(clean(input.value)));
    input.addEventListener("compositionend", () => take(clean(input.value)));
    input.form.addEventListener("submit", () => stop.abort());
    if (!("OTPCredential" in window) || !navigator.credentials) return;
    navigator.credentials
      .get({ otp: { transport: ["sms"] }, signal: stop.signal })
      .then((credential) => credential && !input.value && take(clean(credential.code)))
      .catch(() => {}); // Aborted, refused, or no SMS came: the field is still there to type in.
  }

  // --- telephone number: Brazilian ones are spaced as they are typed; the caret stays at its digit ----------------

  function spaced(text) {
    const digits = text.replace(/\D/g, "");
    // Not while a space or a hyphen is being typed, nor what can be no DDD + number.
    const ours = /^[1-9(][\d\s().-]*\d$/.test(text.trimStart()) && digits.length > 2 && digits.length <= 11;
    if (!ours) return text;
    const area = digits.slice(0, 2);
    const rest = digits.slice(2);
    const first = rest[0] === "9" || rest.length > 8 ? 5 : 4;
    return rest.length > first ? `${area} ${rest.slice(0, first)}-${rest.slice(first)}` : `${area} ${rest}`;
  }

  function phoneField(input) {
    const country = $("[name=country]", input.form);
    const format = () => {
      if (country?.value !== "BR") return;
      const text = spaced(input.value);
      if (text === input.value) return;
      const before = input.value.slice(0, input.selectionStart).replace(/\D/g, "").length;
      input.value = text;
      let at = 0;
      for (let seen = 0; seen < before; at++) if (/\d/.test(text[at])) seen++;
      if (document.activeElement === input) input.setSelectionRange(at, at);
    };
    input.addEventListener("input", (event) => event.isComposing || format());
    country?.addEventListener("change", format);
  }

  // --- connection: told where one looks, and a form that could not leave stays as it is --------------------------

  const connection = (() => {
    const box = $("[data-connection]");
    if (!box) return { lost() {}, back() {} };
    const place = () => ($("dialog[data-popup] .popup-card") || $("main") || document.body).prepend(box);
    const show = (state) => {
      if (box.dataset.connection === state) return;
      box.dataset.connection = state;
      place();
      // Emptied and filled, because a live region speaks of changes only.
      const text = $("[data-connection-text]", box);
      text.textContent = "";
      box.hidden = state === "";
      if (state) setTimeout(() => (text.textContent = $(`[data-connection-word=${state}]`, box).textContent), 50);
    };
    const back = () => {
      if (box.dataset.connection !== "lost") return;
      show("back");
      setTimeout(() => box.dataset.connection === "back" && show(""), 6000);
    };
    window.addEventListener("offline", () => show("lost"));
    window.addEventListener("online", back);
    if (!navigator.onLine) show("lost");
    return { lost: () => show("lost"), back };
  })();

  // --- small things ---------------------------------------------------------------------------------------------

  function revealPassword(button) {
    const input = document.getElementById(button.dataset.reveal);
    if (!input) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
    input.form?.addEventListener("submit", () => (input.type = "password"));
  }

  function menu(details) {
    const close = () => (details.open = false);
    document.addEventListener("click", (event) => details.contains(event.target) || close());
    details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open) return;
      close();
      $("summary", details).focus();
    });
    details.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !details.contains(event.relatedTarget)) close();
    });
  }

  function tip(box) {
    const open = () => box.classList.remove("tip-closed");
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") box.classList.add("tip-closed");
    });
    $("button", box).addEventListener("click", (event) => {
      event.currentTarget.focus();
      open();
    });
    box.addEventListener("mouseleave", open);
    box.addEventListener("focusout", open);
  }

  function sentMessage(node) {
    const token = node.textContent.match(/(?<!\d)\d{6}(?!\d)/)?.[0];
    if (!token) return;
    const list = node.closest("[data-copy]");
    const row = document.createElement("p");
    row.className = "sent-token";
    const digits = document.createElement("strong");
    digits.textContent = token;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "secondary";
    copy.textContent = list.dataset.copy;
    copy.setAttribute("aria-label", `${list.dataset.copy} ${token}`);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(token);
        copy.textContent = list.dataset.copied;
        setTimeout(() => (copy.textContent = list.dataset.copy), 2000);
      } catch {
        getSelection().selectAllChildren(digits);
      }
    });
    row.append(digits, copy);
    node.before(row);
  }

  // After a refused form, Back and Reload ask for the page again instead of for a confirmation to send.
  history.replaceState(history.state, "", location.href);

  all("form[data-once]").forEach(guardForm);
  all("form[data-captcha-form]").forEach(captchaForm);
  all("dialog[data-popup]").forEach(upgradePopup);
  all("[data-countdown]").forEach(countdown);
  all("[data-wait]").forEach(waitToResend);
  all("[data-fate^='/']").forEach(fate);
  all("[data-token]").forEach(tokenField);
  all("input[type=tel]").forEach(phoneField);
  all("[data-reveal]").forEach(revealPassword);
  all("details[data-menu]").forEach(menu);
  all("[data-tip]").forEach(tip);
  all("[data-sent]").forEach(sentMessage);
  for (const time of all("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString(document.documentElement.lang);
  }

  if (!$("dialog[data-popup]")) $("main [aria-invalid=true]")?.focus();

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) all("form[data-once]").forEach(release);
  });
})();
