'use strict'

// A fresh client of the JavaScript SDK against the server under test.

const { randomUUID } = require('node:crypto')
const Tozny = require('@toznysecure/sdk/node')

const apiUrl = process.env.API_URL
const token = process.env.REGISTRATION_TOKEN

async function newClient(name) {
  const keys = await Tozny.crypto.generateKeypair()
  const signing = await Tozny.crypto.generateSigningKeypair()
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

const ids = (records) => records.map((record) => record.meta.recordId)

module.exports = { Tozny, newClient, newType, pages, ids }
