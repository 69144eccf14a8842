'use strict'

// A fresh client of the JavaScript SDK against the server under test.

const { randomUUID } = require('node:crypto')
const Tozny = require('@toznysecure/sdk/node')

const apiUrl = process.env.API_URL
const token = process.env.REGISTRATION_TOKEN

// Keys to seal and keys to sign.
const newKeys = async () => [await Tozny.crypto.generateKeypair(), await Tozny.crypto.generateSigningKeypair()]

async function newClient(name) {
  const [keys, signing] = await newKeys()
  const details = await Tozny.storage.register(token, name, keys, signing, false, apiUrl)
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

// Lets a group edit the records of a type that is shared with it. No published package has a call for that: the share
// is sent once more as it is, with that permission.
async function allowGroupToEdit(client, group, type) {
  const { apiKeyId, apiSecret } = client.config
  const basic = Buffer.from(`${apiKeyId}:${apiSecret}`).toString('base64')
  const send = async (path, authorization, body) => {
    const answer = await fetch(`${apiUrl}${path}`, { method: 'POST', headers: { authorization }, body })
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer.json()
  }
  const share = await client.shareRecordWithGroup(group, type)
  const { access_token: access } = await send('/v1/auth/token', `Basic ${basic}`, 'grant_type=client_credentials')
  const body = JSON.stringify({ ...share, can_edit: true })
  return send(`/v2/storage/groups/${group}/share`, `Bearer ${access}`, body)
}

// A record type that no other scenario uses.
const newType = (stem) => `${stem}-${randomUUID()}`

// All pages of a query, to the first empty one. The bound keeps a server that never ends from hanging the run.
async function pages(query, limit = 50) {
  const found = []
  for (let count = 0; count < limit; count += 1) {
    const page = await query.next()
    if (page.length === 0) return found
    found.push(page)
  }
  throw new Error(`more than ${limit} pages`)
}

const idOf = (client) => client.config.clientId

const ids = (records) => records.map((record) => record.meta.recordId)

module.exports = { Tozny, allowGroupToEdit, apiUrl, idOf, ids, newClient, newKeys, newType, pages }
