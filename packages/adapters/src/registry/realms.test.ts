import { day } from '@image-factory/core/time.ts';
import { noSettings } from '@image-factory/testing/registry/client-options.ts';
import { describe, expect, it } from 'vitest';
import { limitsOf, registryOrigin } from './hosts.ts';
import { mayHaveCredentials } from './realms.ts';

describe('who may have the credentials of a registry', () => {
  it.each([
    ['docker.io', 'https://auth.docker.io/token', true],
    ['ghcr.io', 'https://ghcr.io/token', true],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
    ['registry.example.com:5050', 'https://gitlab.example.com/jwt/auth', true],
    ['registry.example.co.uk', 'https://gitlab.example.co.uk/jwt/auth', true],
    ['registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth', true],
    ['registry.example.com:5050', 'https://registry.example.com/auth', true],
    ['registry.example.com', 'http://registry.example.com/token', false],
    ['registry.example.com', 'http://gitlab.example.com/jwt/auth', false],
    ['registry.example.com', 'https://example.com.evil.org/token', false],
    ['registry.example.com', 'https://evilexample.com/token', false],
    ['a.co.uk', 'https://b.co.uk/token', false],
    ['team.azurecr.io', 'https://evil.azurecr.io/oauth2/token', false],
    ['a.s3.amazonaws.com', 'https://b.s3.amazonaws.com/token', false],
    ['evil.example', 'https://auth.docker.io/token', false],
    ['10.0.0.1:5000', 'https://10.0.0.2/token', false],
    ['10.0.0.1:5000', 'https://10.0.0.1:5001/token', true],
    ['localhost', 'https://evil.localhost/token', false],
    ['registry.internal', 'https://auth.internal/token', false],
  ])('%s: %s', (registry, realm, expected) => {
    expect(mayHaveCredentials(registry, registryOrigin(registry, false), new URL(realm))).toBe(expected);
  });

  it('and who else is configured', () => {
    const origin = registryOrigin('rg.fr-par.scw.cloud', false);
    const realm = new URL('https://api.scaleway.com/registry-internal/v1/token');
    expect(mayHaveCredentials('rg.fr-par.scw.cloud', origin, realm)).toBe(false);
    expect(mayHaveCredentials('rg.fr-par.scw.cloud', origin, realm, ['api.scaleway.com'])).toBe(true);
  });
});

describe('registries', () => {
  it('Docker Hub is asked under its own host', () => {
    expect(registryOrigin('docker.io', false).href).toBe('https://registry-1.docker.io/');
    expect(registryOrigin('127.0.0.1:5000', true).href).toBe('http://127.0.0.1:5000/');
  });

  it.each([
    'docker.io',
    'ghcr.io',
    'quay.io',
    'gcr.io',
    'eu.gcr.io',
    'registry.k8s.io',
    'mcr.microsoft.com',
    'public.ecr.aws',
    'cgr.dev',
    'registry.gitlab.com',
  ])('%s is asked once a day per tag, unless set otherwise', (registry) => {
    expect(limitsOf(registry, undefined).minInterval).toBe(day);
    expect(limitsOf(registry, undefined).requestsPerSecond).toBeGreaterThan(0);
    expect(limitsOf(registry, { ...noSettings, minInterval: 0 }).minInterval).toBe(0);
  });

  it.each(['registry.example.com', 'constructor', 'evil-gcr.io'])('%s has no such limit', (registry) => {
    expect(limitsOf(registry, undefined).minInterval).toBe(0);
  });
});
