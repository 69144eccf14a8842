'use strict'

// The browser build of the JavaScript SDK, in a page of another origin than the server's.

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const { Chromium, servePage } = require('./chromium')

const { API_URL: apiUrl, CHROMIUM: command, REGISTRATION_TOKEN: token, SDK_SCRIPT: script } = process.env

let page
let browser
// What the browser asked before it sent a request, and what it was answered, by method and path.
const preflights = new Map()

before(async () => {
  page = await servePage(script)
  browser = await Chromium.start(command)
  await browser.open(page.origin, collectPreflights())
  await browser.run(prepare, { apiUrl, token })
})

after(async () => {
  await browser?.stop()
  page?.close()
})

function collectPreflights() {
  const asked = new Map()
  const at = (id) => asked.get(id) ?? asked.set(id, {}).get(id)
  const lower = (headers) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return (method, params) => {
    if (method === 'Network.requestWillBeSent' && params.request.method === 'OPTIONS') {
      const one = Object.assign(at(params.requestId), { url: new URL(params.request.url) })
      const wanted = lower(params.request.headers)['access-control-request-method']
      preflights.set(`${wanted} ${one.url.pathname}`, one)
    } else if (method === 'Network.responseReceived' && params.type === 'Preflight') {
      Object.assign(at(params.requestId), { status: params.response.status, headers: lower(params.response.headers) })
    }
  }
}

// --- in the page ---
// Each function is sent as text, so it uses nothing of this file.

async function prepare({ apiUrl, token }) {
  const { Tozny } = window
  window.newClient = async (name, backup = false) => {
    const keys = await Tozny.crypto.generateKeypair()
    const signing = await Tozny.crypto.generateSigningKeypair()
    const details = await Tozny.storage.register(token, name, keys, signing, backup, apiUrl)
    return new Tozny.storage.Client(
      Tozny.storage.Config.fromObject({
        version: 2,
        api_url: apiUrl,
        client_id: details.clientId,
        api_key_id: details.apiKeyId,
        api_secret: details.apiSecret,
        public_key: keys.publicKey,
        private_key: keys.privateKey,
        public_signing_key: signing.publicKey,
        private_signing_key: signing.privateKey,
      })
    )
  }
  window.writer = await window.newClient('browser writer')
  window.reader = await window.newClient('browser reader')
  window.refusal = (promise) => promise.then(() => 'no refusal').catch((error) => error.message)
}

async function changeRecord() {
  const written = await writer.writeRecord('browser-crud', { word: 'hëllo ✓' }, { label: 'seen' })
  const read = await writer.readRecord(written.meta.recordId)
  const seen = [read.data.word, read.meta.plain.label]
  read.data.word = 'changed'
  const updated = await writer.updateRecord(read)
  const found = await writer.query(true, null, null, 'browser-crud').next()
  await writer.deleteRecord(updated.meta.recordId, updated.meta.version)
  const gone = await refusal(writer.readRecord(read.meta.recordId))
  return { seen, found: found.map((record) => record.data.word), gone }
}

async function shareRecord() {
  const written = await writer.writeRecord('browser-shared', { word: 'hello' })
  const read = () => reader.readRecord(written.meta.recordId)
  const before = await refusal(read())
  await writer.share('browser-shared', reader.config.clientId)
  const during = (await read()).data.word
  await writer.revoke('browser-shared', reader.config.clientId)
  return { before, during, after: await refusal(read()) }
}

async function sendFile(size) {
  const bytes = new Uint8Array(size).map((_, index) => index % 251)
  const file = await writer.writeFile('browser-file', new Blob([bytes]), { label: 'seen' })
  const record = await file.record()
  const fetched = await writer.getFile(record.meta.recordId)
  const back = new Uint8Array(await Tozny.helpers.fileAsBuffer(fetched))
  return { label: record.meta.plain.label, size: back.length, same: back.every((byte, index) => byte === index % 251) }
}

async function sendNotes() {
  const name = crypto.randomUUID()
  const to = [reader.config.publicKey, reader.config.publicSigningKey]
  const note = await writer.writeNote({ word: 'hello' }, ...to, { id_string: name, max_views: 2 })
  const [byId, byName] = [await reader.readNote(note.noteId), await reader.readNoteByName(name)]
  const used = await refusal(reader.readNote(note.noteId))
  const other = await writer.writeNote({ word: 'deleted' }, ...to, {})
  await writer.deleteNote(other.noteId)
  return { words: [byId.data.word, byName.data.word], used, deleted: await refusal(reader.readNote(other.noteId)) }
}

async function searchByTerms() {
  await writer.writeRecord('browser-search', { word: 'red' }, { colour: 'red' })
  await writer.writeRecord('browser-search', { word: 'blue' }, { colour: 'blue' })
  const request = new Tozny.types.Search(true).match({ type: 'browser-search', values: ['red'] }, 'AND')
  return (await (await writer.search(request)).next()).map((record) => record.data.word)
}

async function backUp() {
  const client = await newClient('browser backed up', true)
  return (await client.outgoingSharing()).map((share) => share.recordType)
}

async function askWithoutToken({ apiUrl }) {
  const answer = await fetch(`${apiUrl}/v1/storage/policy/outgoing`, { headers: { authorization: 'Bearer none' } })
  return { status: answer.status, error: typeof (await answer.json()).error }
}

// --- the tests ---

test('a record is written, read, changed, found and deleted', async () => {
  const { seen, found, gone } = await browser.run(changeRecord)
  assert.deepEqual(seen, ['hëllo ✓', 'seen'])
  assert.deepEqual(found, ['changed'])
  assert.match(gone, /Not Found/)
})

test('a record is shared, and no longer', async () => {
  const { before, during, after } = await browser.run(shareRecord)
  assert.match(before, /Not Found/)
  assert.equal(during, 'hello')
  assert.match(after, /Not Found/)
})

for (const size of [5, 300000]) {
  test(`a file of ${size} bytes comes back as it was sent`, async () => {
    assert.deepEqual(await browser.run(sendFile, size), { label: 'seen', size, same: true })
  })
}

test('notes are written, read by id and name, counted and deleted', async () => {
  const { words, used, deleted } = await browser.run(sendNotes)
  assert.deepEqual(words, ['hello', 'hello'])
  assert.match(used, /Not Found/)
  assert.match(deleted, /Not Found/)
})

test('records are searched by terms', async () => {
  assert.deepEqual(await browser.run(searchByTerms), ['red'])
})

test('the page sees the header that says where a client is backed up', async () => {
  assert.deepEqual(await browser.run(backUp), ['tozny.key_backup'])
})

test('the page reads what the server says of an error', async () => {
  assert.deepEqual(await browser.run(askWithoutToken, { apiUrl }), { status: 401, error: 'string' })
})

test('the browser asked first, and was let', async () => {
  assert.notEqual(page.origin, new URL(apiUrl).origin)
  const asked = [...preflights.keys()]
  // Bytes of files are sent to the server, or to a store at an address that the server signed.
  const bytes = asked.find((name) => /^PUT \/(v3\/file-bytes|bucket)\//.test(name))
  const names = ['POST /v1/storage/records', 'POST /v2/storage/notes', 'GET /v2/storage/notes', bytes]
  for (const name of names) {
    const preflight = preflights.get(name)
    assert.ok(preflight, `${name} is not among ${asked.join(', ')}`)
    const { status, headers } = preflight
    assert.ok(status === 200 || status === 204, `${name}: ${status}`)
    assert.equal(headers['access-control-allow-origin'], '*', name)
    if (name.startsWith('PUT /bucket/')) continue
    const list = (header) => headers[header].toLowerCase().split(',').map((word) => word.trim())
    assert.ok(list('access-control-allow-methods').includes(name.split(' ')[0].toLowerCase()), name)
    // An asterisk does not stand for this one.
    assert.ok(list('access-control-allow-headers').includes('authorization'), name)
  }
})
