/* global messenger */
// Opened once, by whoever adds this: nothing happens before they type the password.
messenger.runtime.onInstalled.addListener(({ reason }) => {
  if (reason === 'install' || reason === 'update') messenger.tabs.create({ url: 'set-up.html' });
});
