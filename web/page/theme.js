// Applies the remembered colour scheme before the first paint. A classic script on purpose: a
// module would run too late and flash.
(function () {
  try {
    const theme = localStorage.getItem('mr-ws theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage forbidden: the system's scheme stays.
  }
})();
