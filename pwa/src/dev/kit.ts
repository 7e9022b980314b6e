/** The page of the kit: `/dev/kit` of the development server, and what the browser tests build of it. The app does not know it. */
import { mount } from 'svelte';
import '../ui/tokens.css';
import '../ui/base.css';
import '../faces/member/theme.css';
import '../faces/cashier/theme.css';
import '../faces/chair/theme.css';
import Kit from './Kit.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('kit.html has no #app');
mount(Kit, { target });
