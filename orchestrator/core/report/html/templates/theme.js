// The switch between light, dark and what the system says. The choice is kept where the browser lets it.
const THEMES = ["system", "light", "dark"];

function setTheme(name) {
  const theme = THEMES.includes(name) ? name : "system";
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = `Theme: ${theme}`;
  return theme;
}

function keptTheme(name) {
  try {
    if (name !== undefined) localStorage.setItem("stop-orchestrator-theme", name);
    return localStorage.getItem("stop-orchestrator-theme");
  } catch {
    return null; // a page from a file may not have any
  }
}

{
  const button = document.getElementById("theme");
  let theme = setTheme(keptTheme());
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
    keptTheme(theme);
  });
}
