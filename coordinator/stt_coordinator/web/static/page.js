// What a page gains where scripts run: copy buttons, and filters that apply themselves.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy);
  if (navigator.clipboard) await navigator.clipboard.writeText(text.textContent);
  else { // not over TLS, where browsers keep the clipboard to themselves
    getSelection().selectAllChildren(text);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filters[method=get]");
  if (form && event.target.tagName === "SELECT") form.requestSubmit();
});
for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  source.onmessage = (event) => {
    const run = JSON.parse(event.data);
    live.querySelector("progress").value = run.done + run.unanswered;
    live.querySelector("progress").max = Math.max(run.jobs, 1);
    live.querySelector("[data-text]").textContent = `${run.done} of ${run.jobs} databases answered`;
    if (run.state !== "running") { source.close(); window.location.reload(); }
  };
}
