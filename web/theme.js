/* Before the first paint, and no module for that: the colours that were chosen with the switch. */
(() => {
  try {
    const theme = localStorage.getItem('theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is switched off: as the system has it.
  }
})();
