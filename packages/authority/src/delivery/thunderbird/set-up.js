/* global messenger */
const form = document.getElementById('form');
const field = document.getElementById('password');
const button = document.getElementById('go');
const said = document.getElementById('said');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  button.disabled = true;
  said.textContent = 'One moment…';
  try {
    const done = await messenger.mailKeys.setUp(field.value.trim());
    said.textContent = done.state === 'wrong-password' ? wrong : tell(done);
    form.hidden = done.state === 'done';
  } catch (error) {
    said.textContent = `That did not work: ${error.message}. Nothing was lost. Tell your administrator.`;
  } finally {
    button.disabled = false;
    field.value = '';
  }
});

const wrong =
  'That is not the password of this kit. Nothing was changed. It is the one that was shown when you made the kit.';

function tell({ accounts, signs, directory }) {
  const lines = ['Done.'];
  if (accounts.length === 0) {
    lines.push(
      'Thunderbird has your keys, and no account with your address yet: add the account, then remove this add-on and add it again.',
    );
  } else {
    lines.push(
      signs
        ? `${accounts.join(', ')} signs what you send, and opens what is sent to you encrypted.`
        : `${accounts.join(', ')} opens what is sent to you encrypted. Your signing key stays where it is.`,
    );
  }
  if (directory !== null) lines.push(`Certificates of your colleagues are looked up in “${directory}”.`);
  lines.push('You may remove this add-on now: what it did stays.');
  return lines.join('\n');
}
