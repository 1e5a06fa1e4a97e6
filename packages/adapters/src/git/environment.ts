/** Names and values for a child process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a person may set about git and still mean it for us; anything else named GIT_ points git at some other repository. */
const keptVariables =
  /^GIT_(SSH|SSH_COMMAND|SSH_VARIANT|SSL_\w+|ASKPASS|PROXY_\w+|EXEC_PATH|HTTP_\w+|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))$/;

/**
 * The environment of every git process: no prompts, English messages, and nothing of an outer git command
 * (a hook or CI step that runs us has GIT_DIR and GIT_INDEX_FILE set). `config` is handed over here, never in the
 * argument list, because arguments are readable by every user of the machine.
 */
export function gitEnvironment(
  outer: Environment,
  config: readonly (readonly [string, string])[] = [],
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(outer)) {
    if (value !== undefined && (!name.startsWith('GIT_') || keptVariables.test(name)))
      environment[name] = value;
  }
  delete environment['LANGUAGE'];
  environment['LC_ALL'] = 'C';
  environment['GIT_TERMINAL_PROMPT'] = '0';
  environment['SSH_ASKPASS_REQUIRE'] = 'never';
  environment['GIT_ALLOW_PROTOCOL'] = 'file:git:http:https:ssh';
  environment['GIT_OPTIONAL_LOCKS'] = '0';
  const already = Number.parseInt(environment['GIT_CONFIG_COUNT'] ?? '0', 10) || 0;
  for (const [index, [key, value]] of config.entries()) {
    environment[`GIT_CONFIG_KEY_${already + index}`] = key;
    environment[`GIT_CONFIG_VALUE_${already + index}`] = value;
  }
  if (already + config.length > 0) environment['GIT_CONFIG_COUNT'] = String(already + config.length);
  return environment;
}
