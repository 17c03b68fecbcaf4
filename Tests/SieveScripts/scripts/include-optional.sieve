require "include"; include :optional "nowhere"; include :global :optional "nowhere"; keep;
