/** The look: ink on paper, a little sealing wax. Every text colour here has at least 4.5:1 on its ground in both schemes. */
import {
  ActionIcon,
  Alert,
  Checkbox,
  Combobox,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  InputWrapper,
  type MantineColorsTuple,
  Menu,
  Modal,
  Notification,
  PasswordInput,
  Select,
  Tooltip,
} from '@mantine/core';

const ink: MantineColorsTuple = [
  '#eef3f8',
  '#dae4ee',
  '#b3c8dd',
  '#8aabcb',
  '#6791bc',
  '#4f7fb0',
  '#3a6a9c',
  '#2b5685',
  '#22466d',
  '#173250',
];
const wax: MantineColorsTuple = [
  '#fcefec',
  '#f5dbd5',
  '#e8b5aa',
  '#dc8d7c',
  '#d16c57',
  '#c7543d',
  '#b5432d',
  '#9c3325',
  '#80281d',
  '#5f1c14',
];
const moss: MantineColorsTuple = [
  '#edf6f0',
  '#d8eadf',
  '#b0d6be',
  '#86c09b',
  '#7cc497',
  '#4d8f63',
  '#3c7a52',
  '#216541',
  '#1c5b38',
  '#123d25',
];
const dark: MantineColorsTuple = [
  '#e3e6ea',
  '#c5cad1',
  '#a9b1bb',
  '#7d8793',
  '#454e59',
  '#353d47',
  '#272e36',
  '#1b2128',
  '#151a20',
  '#0f1317',
];

/** A dialog's header is no banner of the page. */
const noBanner = { header: { role: 'presentation' } };

export const theme = createTheme({
  colors: { ink, wax, moss, dark },
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  black: '#1d242c',
  autoContrast: true,
  luminanceThreshold: 0.3,
  defaultRadius: 'sm',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  headings: {
    fontWeight: '650',
    sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.125rem' }, h3: { fontSize: '1rem' } },
  },
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle' } }),
    Alert: Alert.extend({ defaultProps: { closeButtonLabel: 'Dismiss' } }),
    Checkbox: Checkbox.extend({ defaultProps: { radius: 'xs' } }),
    Combobox: Combobox.extend({ defaultProps: { keepMounted: false } }),
    Drawer: Drawer.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' }, attributes: noBanner } }),
    // Nearly every field is required: the few that are not say so, and no label carries a star.
    InputWrapper: InputWrapper.extend({ defaultProps: { withAsterisk: false } }),
    Menu: Menu.extend({ defaultProps: { withinPortal: true, shadow: 'md' } }),
    Modal: Modal.extend({
      defaultProps: { closeButtonProps: { 'aria-label': 'Close' }, centered: true, attributes: noBanner },
    }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } }),
    PasswordInput: PasswordInput.extend({
      defaultProps: { visibilityToggleButtonProps: { 'aria-label': 'Show or hide the password' } },
    }),
    Select: Select.extend({ defaultProps: { checkIconPosition: 'right' } }),
    Tooltip: Tooltip.extend({ defaultProps: { events: { hover: true, focus: true, touch: true } } }),
  },
});

/** Mantine's own dimmed, placeholder and error colours miss 4.5:1; these do not. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fbfaf7',
    '--mantine-color-text': '#1d242c',
    '--mantine-color-dimmed': '#566170',
    '--mantine-color-placeholder': '#6a7483',
    '--mantine-color-error': '#a8321f',
    '--mantine-color-anchor': '#22557f',
  },
  dark: {
    '--mantine-color-body': '#12161b',
    '--mantine-color-text': '#dfe3e8',
    '--mantine-color-dimmed': '#a3adb9',
    '--mantine-color-placeholder': '#8f99a6',
    '--mantine-color-error': '#f19a8a',
    '--mantine-color-anchor': '#8fb9e0',
  },
});
