require "fileinto"; fileinto "Other"; keep;
