// The pages work without this file; it adds keys, dialogs, autosave and charts. No dependency, no build step.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
  const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

  // --- dialogs: <button data-open="id">, closed by Escape or <button data-close> --------------------------------
  const open = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    dialog.showModal();
    const first = find("[data-first]", dialog);
    if (first) first.focus();
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) { event.preventDefault(); open(opener.dataset.open); return; }
    const closer = event.target.closest("[data-close]");
    if (closer) { event.preventDefault(); closer.closest("dialog").close(); return; }
    const phrase = event.target.closest("[data-phrase]");
    if (phrase) { event.preventDefault(); insert(phrase); return; }
    const copy = event.target.closest("[data-copy]");
    if (copy) { event.preventDefault(); copyText(copy); return; }
    const print = event.target.closest("[data-print]");
    if (print) { event.preventDefault(); window.print(); return; }
    if (!event.target.closest(".gt-menu")) all(".gt-menu[open]").forEach((menu) => menu.removeAttribute("open"));
  });

  const insert = (phrase) => {
    const box = find("textarea[name=words]", phrase.closest("form"));
    box.value = box.value ? `${box.value.replace(/\s+$/, "")}\n${phrase.dataset.phrase}` : phrase.dataset.phrase;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    const confirm = find("[data-confirm]", phrase.closest("form"));
    if (confirm) confirm.focus();
  };

  const copyText = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value);
    } catch {
      source.focus(); source.select(); document.execCommand("copy");
    }
    button.textContent = button.dataset.done;
  };

  // --- keys: an element with data-key is clicked by that key; digits insert phrases in an open dialog --------------
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const dialog = find("dialog[open]");
    if (dialog) {
      if (/^[1-9]$/.test(event.key) && !typing(event.target)) {
        const phrase = all("[data-phrase]", dialog)[Number(event.key) - 1];
        if (phrase) { event.preventDefault(); insert(phrase); return; }
      }
      // Whoever begins to type writes an opinion, wherever the focus stands.
      const words = find("textarea[name=words]", dialog);
      if (words && event.key.length === 1 && event.key !== " " && !typing(event.target)) words.focus();
      return;
    }
    if (typing(event.target)) return;
    const wanted = all("[data-key]").find((each) => each.dataset.key === event.key.toLowerCase());
    if (wanted) { event.preventDefault(); wanted.click(); return; }
    if (event.key === "j" || event.key === "k") {
      const rows = all("[data-row]");
      const at = rows.indexOf(document.activeElement);
      const next = rows[at + (event.key === "j" ? 1 : -1)] || rows[event.key === "j" ? 0 : rows.length - 1];
      if (next) { event.preventDefault(); next.focus(); }
    }
    if (event.key === "x") {
      const row = document.activeElement.closest("tr");
      const box = row && find("input[type=checkbox]", row);
      if (box) { event.preventDefault(); box.click(); }
    }
  });

  // --- one box for all that are shown -------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const every = event.target.closest("[data-all]");
    if (every) all(`input[type=checkbox][name="${every.dataset.all}"]`).forEach((box) => { box.checked = every.checked; });
  });

  // A decision is sent once, however often Enter is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.matches("[data-once]")) {
      form.dataset.sent = "1";
      setTimeout(() => { delete form.dataset.sent; }, 8000);
    }
  });
  window.addEventListener("pageshow", () => all("[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  // --- filters apply at once ---------------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });

  const focusProblem = () => { const found = find("[data-focus]"); if (found) found.focus(); };

  let flush = async () => {};

  // What is typed and not yet saved lies in this tab until it is: a lost session or a reload loses nothing.
  const key = (address) => `guantong:${address}`;
  const typed = (form) => new URLSearchParams(Array.from(new FormData(form)).filter(([name, value]) => typeof value === "string" && name !== "csrf"));
  const remember = (form, mark = "") => { try { sessionStorage.setItem(key(form.dataset.draft), typed(form).toString() + mark); } catch { /* full: the save follows */ } };
  const forget = (address) => { try { sessionStorage.removeItem(key(address)); } catch { /* nothing is held */ } };
  const held = (address) => { try { return sessionStorage.getItem(key(address)); } catch { return null; } };

  // The token of a session that began after this page was opened.
  const renew = async () => {
    const answer = await fetch(location.pathname, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return false;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.getAttribute("hx-headers");
    if (!fresh || fresh === document.body.getAttribute("hx-headers")) return false;
    document.body.setAttribute("hx-headers", fresh);
    all("input[name=csrf]").forEach((input) => { input.value = token(); });
    return true;
  };

  // Back on the form: what was left is saved first; what another window saved meanwhile is compared with it.
  const replay = async (form) => {
    const left = held(form.dataset.draft);
    if (!left || find("[data-merged]")) return;
    forget(form.dataset.draft);
    const entries = new URLSearchParams(left);
    // It was sent with the form, and the draft has moved on since: it arrived.
    if (entries.has("sent") && entries.get("version") !== form.elements.version.value) return;
    entries.delete("sent");
    const answer = await fetch(form.dataset.draft, {
      method: "POST", body: entries, headers: { "X-CSRF-Token": token() }, credentials: "same-origin",
    });
    if (answer.ok && !answer.redirected) { location.reload(); return; }
    if (answer.status !== 409) return;
    const merge = document.createElement("form");
    merge.method = "post"; merge.action = form.action; merge.hidden = true;
    for (const [name, value] of [...entries, ["csrf", token()], ["act", "merge"]]) {
      const input = document.createElement("textarea");
      input.name = name; input.value = value; merge.append(input);
    }
    document.body.append(merge);
    merge.submit();
  };

  // --- the form page: rows, autosave, uploads ------------------------------------------------------------------------
  const editor = () => {
    const form = find("form[data-draft]");
    if (!form) return;
    const status = find("[data-save-status]");
    const words = status.dataset;
    let timer = null, running = false, dirty = false, blocked = false, retry = 2000, pressed = null;

    const say = (text, kind) => { status.textContent = text; status.className = kind ? `text-${kind}` : ""; };
    const renumber = (body) => all(":scope > tr", body).forEach((row, index) => {
      all("[name]", row).forEach((input) => {
        const parts = input.name.split(".");
        if (parts.length !== 4) return;
        parts[2] = String(index);
        input.name = parts.join(".");
        input.id = `f-${input.name}`;
      });
      const remove = find("[data-remove-row]", row);
      if (remove) remove.value = remove.value.replace(/\d+$/, String(index));
      const number = find("[data-number]", row);
      if (number) number.textContent = String(index + 1);
    });
    // A row keeps its name for as long as it lives, so that others see what became of it.
    const name = (row) => { const held = find("[name$='._id']", row); if (held && !held.value) held.value = `n${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`; };
    const changed = () => {
      dirty = true;
      remember(form);
      if (blocked) return;
      say(words.typing);
      clearTimeout(timer);
      timer = setTimeout(save, 900);
    };

    const save = async () => {
      if (running || blocked) return;
      running = true; dirty = false;
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
      say(words.saving);
      try {
        const answer = await fetch(form.dataset.draft, {
          method: "POST", body, headers: { "X-CSRF-Token": token(), "Accept": "application/json" }, credentials: "same-origin",
        });
        const told = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
        if (answer.ok && !answer.redirected) {
          form.elements.version.value = told.version;
          say(told.words); show(told); retry = 2000;
          if (dirty) remember(form); else forget(form.dataset.draft);
        } else if (answer.status === 403 && await renew()) {
          dirty = true;
        } else if (answer.status === 409) {
          blocked = true;
          say(told.words, "danger");
          const merge = document.getElementById("merge");
          if (merge) { find("[data-merge-words]", merge).textContent = told.words; merge.hidden = false; merge.focus(); }
        } else if (answer.status === 401 || answer.redirected) {
          // Signed in again in another window, this page goes on: look now and then.
          say(words.signedOut, "danger");
          clearTimeout(timer);
          timer = setTimeout(() => { dirty = true; save(); }, 8000);
        } else {
          say(told.words || words.refused, "danger");
          if (answer.status >= 500) throw new Error(String(answer.status));
        }
      } catch {
        dirty = true;
        say(words.offline, "danger");
        clearTimeout(timer);
        timer = setTimeout(save, retry);
        retry = Math.min(retry * 2, 60000);
        running = false; pressed = null;
        return;
      }
      running = false;
      if (pressed) { form.requestSubmit(pressed); return; }
      if (dirty && !blocked) { clearTimeout(timer); timer = setTimeout(save, 900); }
    };

    // The server adds up and judges; here its answers are only put in their places.
    const show = (told) => {
      for (const each of all("[data-sum]")) {
        const line = (told.sums || []).find((sum) => sum.path === each.dataset.sum);
        if (line) { each.parentElement.hidden = !line.shown; each.textContent = line.words; each.className = line.holds ? "text-green" : "gt-problem"; }
      }
      for (const each of all("[data-total]")) if (told.totals && each.dataset.total in told.totals) each.textContent = told.totals[each.dataset.total];
      const count = find("[data-open-problems]");
      if (count) count.textContent = told.left || "";
    };

    flush = async () => { clearTimeout(timer); if (dirty) await save(); };
    form.addEventListener("input", (event) => {
      changed();
      const cell = event.target.closest("td, .gt-field");
      const problem = cell && find("[data-cell-problem]", cell);
      if (problem) { problem.textContent = ""; event.target.classList.remove("gt-invalid"); }
    });
    form.addEventListener("click", (event) => {
      const add = event.target.closest("[data-add-row]");
      if (add) {
        event.preventDefault();
        const body = document.getElementById(add.dataset.addRow);
        const copy = document.getElementById(`${add.dataset.addRow}-template`).content.cloneNode(true);
        body.append(copy); renumber(body);
        name(body.lastElementChild);
        const first = find("input:not([type=hidden]), select, textarea", body.lastElementChild);
        if (first) first.focus();
        changed();
        return;
      }
      const remove = event.target.closest("[data-remove-row]");
      if (remove) {
        event.preventDefault();
        const row = remove.closest("tr"), body = row.parentElement;
        row.remove(); renumber(body); changed();
        const last = document.querySelector(`[data-add-row="${body.id}"]`);
        if (last) last.focus();
      }
    });
    // Rows that came from a spreadsheet: one line a row, tabs between the cells.
    form.addEventListener("paste", (event) => {
      const cell = event.target.closest("tbody[data-rows] input, tbody[data-rows] textarea");
      const text = event.clipboardData.getData("text/plain");
      if (!cell || !text.includes("\t")) return;
      event.preventDefault();
      const body = cell.closest("tbody");
      let row = cell.closest("tr");
      const start = all("[name]:not([type=hidden])", row).indexOf(cell);
      for (const line of text.replace(/\r/g, "").replace(/\n$/, "").split("\n")) {
        if (!row) {
          body.append(document.getElementById(`${body.id}-template`).content.cloneNode(true));
          row = body.lastElementChild;
          name(row);
        }
        const cells = all("[name]:not([type=hidden])", row);
        line.split("\t").forEach((value, index) => { fill(cells[start + index], value.trim()); });
        row = row.nextElementSibling;
      }
      renumber(body); changed();
    });
    const fill = (cell, value) => {
      if (!cell) return;
      if (cell.tagName === "SELECT") {
        const option = Array.from(cell.options).find((each) => each.value === value || each.text === value);
        if (option) cell.value = option.value;
      } else cell.value = value;
    };
    // Leaving early: the browser still delivers what was typed.
    window.addEventListener("pagehide", () => { if (dirty && !blocked) { clearTimeout(timer); beacon(); } });
    const beacon = () => {
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
      body.append("csrf", token());
      navigator.sendBeacon(form.dataset.draft, body);
    };
    // The form itself carries what was typed: no second save may race with it.
    // One that is under way is waited for: it makes the version that the form has to name.
    form.addEventListener("submit", (event) => {
      clearTimeout(timer);
      if (running) { event.preventDefault(); pressed = event.submitter; return; }
      dirty = false; blocked = true;
      if (held(form.dataset.draft)) remember(form, "&sent=1");
    });
    all("tbody[data-rows] > tr", form).forEach(name);
    replay(form);
  };

  // --- the desk: an opinion is kept while it is typed, for whoever types it ------------------------------------------
  const opinions = () => all("form[data-opinion]").forEach((form) => {
    const box = find("textarea[name=words]", form), status = find("[data-kept]", form);
    let timer = null, dirty = false;
    const body = () => new URLSearchParams({ words: box.value, csrf: token() });
    const keep = async () => {
      clearTimeout(timer);
      dirty = false;
      try {
        const answer = await fetch(form.dataset.opinion, {
          method: "POST", body: body(), headers: { "X-CSRF-Token": token(), "X-Autosave": "1" }, credentials: "same-origin",
        });
        if (answer.status === 204) { status.textContent = status.dataset.kept; return; }
        if (answer.status === 409) return;
      } catch { /* away: below */ }
      dirty = true;
      status.textContent = status.dataset.lost;
      timer = setTimeout(keep, 8000);
    };
    box.addEventListener("input", () => { dirty = true; clearTimeout(timer); timer = setTimeout(keep, 900); });
    form.addEventListener("submit", () => { clearTimeout(timer); dirty = false; });
    window.addEventListener("pagehide", () => { if (dirty) navigator.sendBeacon(form.dataset.opinion, body()); });
  });

  // A file goes alone as the body of a request; what was typed is saved first, then the page shows the file.
  const uploads = () => all("input[type=file][data-upload]").forEach((input) => {
    input.addEventListener("change", async () => {
      const file = input.files[0];
      const place = document.getElementById(input.dataset.status);
      const say = (text) => { place.textContent = text; };
      say("");
      if (!file) return;
      if (file.size > Number(input.dataset.limit)) { say(input.dataset.tooLarge); input.value = ""; return; }
      if (file.size === 0) { say(input.dataset.empty); input.value = ""; return; }
      say(input.dataset.sending);
      await flush();
      try {
        const answer = await fetch(input.dataset.upload, {
          method: "POST", body: file, credentials: "same-origin",
          headers: { "X-CSRF-Token": token(), "X-File-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" },
        });
        const told = await answer.json();
        if (answer.ok) { location.hash = input.dataset.back; location.reload(); return; }
        say(told.words || told.detail);
      } catch {
        say(input.dataset.failed);
      }
      input.value = "";
    });
  });

  // A drawing that is larger than its box begins where the case stands.
  const showWhere = (box) => {
    const at = find(":is(.gt-flow-is-open, .gt-flow-is-returned):not(.gt-flow-parallel, .gt-flow-branch)", box);
    if (!at || !box.clientWidth) return;
    const here = box.getBoundingClientRect(), there = at.getBoundingClientRect();
    box.scrollLeft += there.left - here.left - (here.width - there.width) / 2;
    box.scrollTop += there.top - here.top - (here.height - there.height) / 2;
  };

  // --- charts: data lies in a JSON script, the table beside it says the same -------------------------------------------
  const charts = () => all("[data-chart]").forEach((place) => {
    if (!window.echarts) return;
    const options = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const chart = window.echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(options);
    window.addEventListener("resize", () => chart.resize());
  });

  // --- a slip's QR code: what stands in the fragment never reaches a server's log ------------------------------------
  const slip = () => {
    const form = find("form[data-slip]");
    if (!form || location.hash.length < 2) return;
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (["bureau", "login", "code"].includes(name) && form.elements[name]) form.elements[name].value = value;
    }
    history.replaceState(null, "", location.pathname);
    form.elements.password.focus();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const seen = location.pathname.match(/^\/cases\/[0-9a-f-]{36}$/);
    if (seen) forget(`${seen[0]}/draft`);
    all(".gt-flow").forEach(showWhere);
    all("[data-all]").forEach((box) => { box.hidden = false; });
    slip(); editor(); opinions(); uploads(); charts(); focusProblem(); });
  document.addEventListener("htmx:afterSwap", focusProblem);
})();
