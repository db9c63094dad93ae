import '../shared/theme.ts'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/shell.css'
import '../styles/dashboard.css'
import { render } from 'preact'
import { follow } from './car.ts'
import { watch } from './cluster.ts'
import { DashboardPage } from './dashboard-page.tsx'

follow()
watch()
const place = document.getElementById('app')!
place.replaceChildren()
render(<DashboardPage />, place)
