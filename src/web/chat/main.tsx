import '../shared/theme.ts'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/shell.css'
import '../styles/chat.css'
import '../styles/lines.css'
import { render } from 'preact'
import { ChatPage } from './chat-page.tsx'
import { startDiscovery } from './discover.ts'
import { start } from './rooms.ts'

start()
startDiscovery()
const place = document.getElementById('app')!
place.replaceChildren()
render(<ChatPage />, place)
