'use strict'

// A headless Chromium, spoken to over pipes (the DevTools protocol), with a page from an origin of its own.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { createReadStream } = require('node:fs')
const { mkdtemp, rm } = require('node:fs/promises')
const http = require('node:http')
const { tmpdir } = require('node:os')
const path = require('node:path')

const CALL_TIMEOUT_MS = 60000

// Serves a page that loads one script, from a free port: another origin than the API's.
async function servePage(script) {
  const server = http.createServer((request, response) => {
    if (request.url === '/script.js') {
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' })
      createReadStream(script).pipe(response)
    } else {
      response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' })
      response.end('<!DOCTYPE html><title>Tests</title><script src="/script.js"></script>')
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

class Chromium {
  // Starts the browser. `command` is its name or path.
  static async start(command) {
    const home = await mkdtemp(path.join(tmpdir(), 'tozstore-chromium-'))
    const flags = [
      '--headless', '--remote-debugging-pipe', `--user-data-dir=${home}`, '--disable-gpu', '--disable-dev-shm-usage',
      '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-extensions',
    ] // prettier-ignore
    // Its sandbox refuses to start as root.
    if (process.getuid() === 0) flags.push('--no-sandbox')
    const env = { ...process.env, HOME: home }
    const child = spawn(command, flags, { env, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] })
    return new Chromium(child, home)
  }

  constructor(child, home) {
    this.child = child
    this.home = home
    this.calls = new Map()
    this.listeners = []
    this.lastCall = 0
    this.complaints = ''
    this.exited = once(child, 'exit').catch(() => {})
    child.stderr.on('data', (text) => (this.complaints = (this.complaints + text).slice(-4000)))
    child.stdio[3].on('error', () => {})
    child.on('error', (error) => this.fail(error))
    child.on('exit', () => this.fail(new Error(`the browser ended: ${this.complaints}`)))
    let rest = Buffer.alloc(0)
    child.stdio[4].on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0)) {
        this.receive(JSON.parse(rest.subarray(0, end).toString()))
        rest = rest.subarray(end + 1)
      }
    })
  }

  // Opens a page; what it asks of the network is told to `listen`.
  async open(url, listen) {
    this.listeners.push(listen)
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true })
    this.session = sessionId
    await this.call('Network.enable', {})
    await this.call('Page.enable', {})
    const loaded = new Promise((resolve) =>
      this.listeners.push((method) => method === 'Page.loadEventFired' && resolve())
    )
    await this.call('Page.navigate', { url })
    await loaded
  }

  // Runs an async function in the page with an argument, and returns what it returns.
  async run(body, argument) {
    const expression = `(${body})(${JSON.stringify(argument)})`
    const answer = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    const { exceptionDetails: thrown, result } = answer
    if (thrown) throw new Error(thrown.exception?.description ?? thrown.exception?.value ?? thrown.text)
    return result.value
  }

  call(method, params) {
    const id = (this.lastCall += 1)
    const message = { id, method, params, ...(this.session && { sessionId: this.session }) }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer. ${this.complaints}`)), CALL_TIMEOUT_MS)
      this.calls.set(id, { resolve, reject, timer })
      this.child.stdio[3].write(`${JSON.stringify(message)}\0`)
    })
  }

  receive({ id, error, result, method, params }) {
    if (!id) {
      for (const listen of this.listeners) listen(method, params)
      return
    }
    const { resolve, reject, timer } = this.calls.get(id)
    this.calls.delete(id)
    clearTimeout(timer)
    if (error) reject(new Error(error.message))
    else resolve(result)
  }

  fail(error) {
    for (const { reject, timer } of this.calls.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.calls.clear()
  }

  async stop() {
    this.child.kill('SIGKILL')
    await this.exited
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 })
  }
}

module.exports = { Chromium, servePage }
