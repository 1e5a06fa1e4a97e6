import type { Shape } from './shape.ts';

/** Written by hand from the API descriptions of Gitea and Forgejo (Actions, commit statuses): the fields in use. */

export type GiteaDialect = 'gitea' | 'forgejo';

const inputs: Shape = { map: 'text' };

export const dispatchShape: Readonly<Record<GiteaDialect, Shape>> = {
  gitea: { fields: { ref: 'text', inputs } },
  forgejo: { fields: { ref: 'text', inputs, return_run_info: 'flag?' } },
};

export const giteaRunShape: Shape = {
  fields: {
    id: 'number',
    url: 'text',
    html_url: 'text',
    display_title: 'text',
    path: 'text',
    event: 'text',
    run_attempt: 'number',
    run_number: 'number',
    head_sha: 'text',
    head_branch: 'text',
    status: 'text',
    conclusion: 'text?',
    started_at: 'text',
  },
};

export const forgejoRunShape: Shape = {
  fields: {
    id: 'number',
    title: 'text',
    workflow_id: 'text',
    index_in_repo: 'number',
    event: 'text',
    trigger_event: 'text',
    event_payload: 'text',
    status: 'text',
    commit_sha: 'text',
    prettyref: 'text',
    created: 'text',
    updated: 'text',
    html_url: 'text',
  },
};

export const jobShapes: Readonly<Record<GiteaDialect, Shape>> = {
  gitea: {
    fields: {
      total_count: 'number',
      jobs: {
        list: {
          fields: {
            id: 'number',
            run_id: 'number',
            name: 'text',
            html_url: 'text',
            status: 'text',
            conclusion: 'text?',
          },
        },
      },
    },
  },
  forgejo: { list: { fields: { id: 'number', run_id: 'number', name: 'text', status: 'text' } } },
};

export const statusShape: Shape = {
  fields: { id: 'number', status: 'text', context: 'text', description: 'text', target_url: 'text' },
};
