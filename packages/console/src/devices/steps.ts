/** What to do on each kind of device, step by step, with a drawing where it helps. */
import type { KitKind } from '@chancery/api';
import type { DeviceKind } from './kinds.ts';
import type { ScreenPicture } from './Screen.tsx';

export interface DeviceStep {
  text: string;
  picture?: ScreenPicture;
}

const phone = (title: string, rows: readonly string[], press: number): ScreenPicture => ({
  frame: 'phone',
  title,
  rows,
  press,
});
const screen = (title: string, rows: readonly string[], press: number): ScreenPicture => ({
  frame: 'window',
  title,
  rows,
  press,
});

/** Where everything comes in one file. */
export const kitSteps: Record<KitKind, readonly DeviceStep[]> = {
  thunderbird: [
    {
      text: 'In Thunderbird open the menu ≡, Add-ons and Themes. Press the cog, choose Install Add-on From File, and take the file that you saved.',
      picture: screen(
        'Add-ons Manager',
        ['Manage Your Extensions', 'Check for Updates', 'Install Add-on From File…'],
        2,
      ),
    },
    {
      text: 'A page opens in Thunderbird. Type the password that is shown here, and press Set up my mail. Your account signs and encrypts from then on.',
      picture: screen('Your mail keys', ['Password of the kit', '••••-••••-••••', 'Set up my mail'], 2),
    },
    {
      text: 'Remove the add-on again if you like: what it did stays. Delete the file, or keep it somewhere as safe as a passport.',
    },
  ],
  outlook: [
    {
      text: 'Right-click the ZIP that you saved, choose Extract All, and open the folder.',
      picture: screen('Downloads', ['Open', 'Extract All…', 'Share'], 1),
    },
    {
      text: 'Right-click set-up.ps1, choose Run with PowerShell, and type the password that is shown here. Windows asks once whether to trust the authority of your organisation: Yes.',
      picture: screen('The folder', ['certificates', 'keys', 'set-up.ps1   Run with PowerShell'], 2),
    },
    {
      text: 'Classic Outlook: File, Options, Trust Center, Trust Center Settings, Email Security. The certificates stand there; choose the newest for encryption. New Outlook: Settings, Mail, S/MIME.',
      picture: screen('Trust Center', ['Trusted Publishers', 'Email Security', 'Attachment Handling'], 1),
    },
    { text: 'Delete the folder and the ZIP, or keep them somewhere as safe as a passport.' },
  ],
};

export const deviceSteps: Record<DeviceKind, readonly DeviceStep[]> = {
  apple: [
    {
      text: 'Point the camera of the iPhone or iPad at the code, and open the address. On a Mac, open the address. Allow the profile to be downloaded.',
      picture: phone('Safari', ['This website wants to', 'download a profile.', 'Ignore', 'Allow'], 3),
    },
    {
      text: 'Open Settings. Near the top stands “Profile Downloaded”: press it. On a Mac: System Settings, General, Device Management.',
      picture: phone('Settings', ['Your name', 'Profile Downloaded', 'Wi-Fi', 'General'], 1),
    },
    {
      text: 'Press Install. “Verified” or the name of your organisation stands there. Type the password that is shown here: once for each key.',
      picture: phone('Install Profile', ['Mail keys of you', 'Signed by: your office', 'Install'], 2),
    },
    {
      text: 'In Settings, Apps, Mail, Mail Accounts, your account, Advanced: turn on Encrypt by Default, and choose the newest key. (Where the profile brought the account, this is done.)',
      picture: phone('Advanced', ['S/MIME', 'Sign', 'Encrypt by Default'], 2),
    },
  ],
  outlook: [
    {
      text: 'Double-click the file. Choose Current User, press Next, type the password, and let Windows choose the store.',
      picture: screen('Certificate Import Wizard', ['Store location: Current User', 'Local Machine', 'Next'], 2),
    },
    {
      text: 'If Windows asks whether to trust the authority, choose Yes: it is your own organisation’s. (Or open the authorities file, and install it into Trusted Root Certification Authorities.)',
    },
    {
      text: 'Classic Outlook: File, Options, Trust Center, Trust Center Settings, Email Security, Settings. Choose the certificates, SHA-256 and AES-256, and OK.',
      picture: screen('Trust Center', ['Trusted Publishers', 'Email Security', 'Attachment Handling'], 1),
    },
    { text: 'New Outlook: Settings, Mail, S/MIME. The certificates are found by themselves.' },
  ],
  thunderbird: [
    {
      text: 'Open Settings, Privacy & Security, and under Certificates choose Manage Certificates.',
      picture: screen('Settings', ['General', 'Composition', 'Privacy & Security', 'Manage Certificates…'], 3),
    },
    {
      text: 'Under Authorities choose Import, take the authorities file, and tick “Trust this CA to identify email users”.',
      picture: screen('Certificate Manager', ['Your Certificates', 'People', 'Authorities', 'Import…'], 2),
    },
    { text: 'Under Your Certificates choose Import, take the file, and type the password.' },
    {
      text: 'Open Account Settings, your account, End-To-End Encryption. Under S/MIME select each certificate: one for digital signing, one for encryption.',
      picture: screen(
        'End-To-End Encryption',
        ['OpenPGP', 'S/MIME', 'Select… for signing', 'Select… for encryption'],
        3,
      ),
    },
  ],
  android: [
    {
      text: 'Bring the file to the phone: by cable, or to your own storage. Send it to nobody, and not by mail.',
    },
    {
      text: 'Open Settings, Security, More security settings, Install from storage (on some phones: Encryption & credentials), choose “VPN and app user certificate”, the file, and type the password.',
      picture: phone('Install a certificate', ['CA certificate', 'VPN & app user certificate', 'Wi-Fi certificate'], 1),
    },
    {
      text: 'In your mail program (Outlook for Android, Nine, FairEmail and others read S/MIME; Gmail does only where your organisation set it up) open the settings of the account, Security, S/MIME, and choose the certificates.',
    },
  ],
  other: [
    {
      text: 'The file is a PKCS#12 with your encryption keys and the authorities. Your program imports it with the password.',
    },
    { text: 'Then choose the newest certificate as the one for encryption, and trust the authorities for mail.' },
  ],
};
