/** Two rings that hold each other. */
export function Mark() {
  return (
    <svg className="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <circle cx="12.6" cy="16" r="6.2" />
      <circle cx="19.4" cy="16" r="6.2" />
    </svg>
  );
}
